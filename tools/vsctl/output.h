// SPDX-License-Identifier: Apache-2.0
#pragma once

struct ctl_command;
struct ds;
struct svec;
struct vsctl_options;

// Print to stdout what a command has put out, in the form the options ask for.
void vsctl_output_print(const struct ctl_command *, const struct vsctl_options *);

// Append the names to out, sorted, one to a line. Destroys names.
void vsctl_output_sorted(struct svec *names, struct ds *out);
