// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/model/model_switch.h"

/* The model's state for people, on standard output. */
void model_print_guest(const struct model_policies *policies, uint32_t guest);
void model_print_network(const struct model_policies *policies, uint16_t vlan);
void model_print_session(const struct model_session *session);
