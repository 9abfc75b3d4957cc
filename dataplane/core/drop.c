// SPDX-License-Identifier: Apache-2.0
#include "dataplane/core/drop.h"

static const struct {
    const char *name;
    const char *help;
} reasons[DROP_N_REASONS] = {
#define DROP_ROW(NAME, TEXT, HELP) [DROP_##NAME] = {TEXT, HELP},
    DROP_REASONS(DROP_ROW)
#undef DROP_ROW
};

const char *drop_reason_name(enum drop_reason reason)
{
    return reason < DROP_N_REASONS ? reasons[reason].name : "unknown";
}

const char *drop_reason_help(enum drop_reason reason)
{
    return reason < DROP_N_REASONS ? reasons[reason].help : "unknown";
}
