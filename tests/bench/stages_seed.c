// SPDX-License-Identifier: Apache-2.0
/* Stands in for dataplane/core/hash.c: tables with the same seed in each run, so that counts of instructions repeat. */
#include "dataplane/core/hash.h"

void hash_seed_init(struct hash_seed *seed)
{
    *seed = (struct hash_seed){
        {0x9e3779b97f4a7c15u, 0xbf58476d1ce4e5b9u, 0x94d049bb133111ebu, 0xd6e8feb86659fd93u},
    };
}
