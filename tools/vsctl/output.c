// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "tools/vsctl/output.h"

#include "tools/vsctl/options.h"

#include <stdio.h>

#include "db-ctl-base.h"
#include "openvswitch/dynamic-string.h"
#include "svec.h"
#include "table.h"

// The output as one line: line ends and backslashes are escaped.
static void print_oneline(const struct ds *output)
{
    size_t length = output->length;
    if (length && output->string[length - 1] == '\n') {
        length--;
    }
    for (size_t i = 0; i < length; i++) {
        char c = output->string[i];
        if (c == '\n') {
            fputs("\\n", stdout);
        } else if (c == '\\') {
            fputs("\\\\", stdout);
        } else {
            putchar(c);
        }
    }
    putchar('\n');
}

void vsctl_output_print(const struct ctl_command *command, const struct vsctl_options *options)
{
    if (command->table) {
        table_print(command->table, &options->table_style);
    } else if (options->oneline) {
        print_oneline(&command->output);
    } else if (command->output.length) {
        fputs(ds_cstr_ro(&command->output), stdout);
    }
}

void vsctl_output_sorted(struct svec *names, struct ds *out)
{
    svec_sort(names);
    for (size_t i = 0; i < names->n; i++) {
        ds_put_format(out, "%s\n", names->names[i]);
    }
    svec_destroy(names);
}
