// SPDX-License-Identifier: Apache-2.0
#pragma once

// Print the help text. A database must have been selected.
void vsctl_usage_print(void);
