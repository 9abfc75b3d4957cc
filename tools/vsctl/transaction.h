// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>

struct ctl_command;
struct vsctl_database;
struct vsctl_options;

// Run the commands as one transaction, again whenever the database changed under it, print their output, and wait for the
// switch. cmdline is noted in the database's log. Returns the exit status of the program; exits by itself on an error.
int vsctl_transaction_run(const struct vsctl_database *, const struct vsctl_options *, const char *cmdline,
                          struct ctl_command *commands, size_t n_commands);

// Free the connection and the open transaction, if any, and exit.
_Noreturn void vsctl_transaction_exit(int status);
