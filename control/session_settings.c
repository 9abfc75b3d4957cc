// SPDX-License-Identifier: Apache-2.0
#include "control/session_settings.h"

#include <stdlib.h>
#include <string.h>

#include <smap.h>
#include <util.h>

#include "acl/conntrack.h"

#define SESSIONS_MOST  (64u << 20) /* as many as the largest table has */
#define TIMEOUT_PREFIX "timeout-"
#define TIMEOUT_MOST   8640000u /* a hundred days */

/* NULL with '*value' set, or a sentence. */
static char *read_number(const struct smap_node *node, uint32_t most, uint32_t *value)
{
    unsigned int number;

    if (!str_to_uint(node->value, 10, &number) || number == 0 || number > most)
        return xasprintf("conntrack:%s \"%s\" is not a number from 1 to %u", node->key, node->value, most);
    *value = number;
    return NULL;
}

static char *read_pick_up(struct session_settings *settings, const struct smap_node *node)
{
    bool is_true = strcmp(node->value, "true") == 0;

    if (!is_true && strcmp(node->value, "false") != 0)
        return xasprintf("conntrack:%s \"%s\" is neither true nor false", node->key, node->value);
    settings->has_pick_up = true;
    settings->pick_up = is_true;
    return NULL;
}

static char *read_timeout(struct session_settings *settings, const struct smap_node *node)
{
    struct session_timeouts unchanged = settings->timeouts;
    uint32_t seconds = 0;
    char *error;

    if (session_timeouts_set(&settings->timeouts, node->key + strlen(TIMEOUT_PREFIX), 1) != 0)
        return xasprintf("conntrack:%s is not known", node->key);
    settings->timeouts = unchanged;
    error = read_number(node, TIMEOUT_MOST, &seconds);
    if (error != NULL)
        return error;
    session_timeouts_set(&settings->timeouts, node->key + strlen(TIMEOUT_PREFIX), seconds);
    settings->has_timeouts = true;
    return NULL;
}

static char *read_one(struct session_settings *settings, const struct smap_node *node)
{
    if (strcmp(node->key, "max") == 0)
        return read_number(node, SESSIONS_MOST, &settings->limits.max);
    if (strcmp(node->key, "half-open") == 0)
        return read_number(node, CT_HALF_OPEN_MAX, &settings->limits.half_open);
    if (strcmp(node->key, "pickup") == 0)
        return read_pick_up(settings, node);
    if (strncmp(node->key, TIMEOUT_PREFIX, strlen(TIMEOUT_PREFIX)) == 0)
        return read_timeout(settings, node);
    return xasprintf("conntrack:%s is not known", node->key);
}

void session_settings_read(struct session_settings *settings, const struct smap *map)
{
    const struct smap_node **sorted;

    memset(settings, 0, sizeof *settings);
    if (map == NULL || smap_is_empty(map))
        return;
    sorted = smap_sort(map);
    for (size_t i = 0; i < smap_count(map); i++) {
        char *error = read_one(settings, sorted[i]);

        if (settings->error == NULL)
            settings->error = error;
        else
            free(error);
    }
    free(sorted);
}
