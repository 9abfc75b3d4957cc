// SPDX-License-Identifier: Apache-2.0
#pragma once

struct ovsdb_idl;
struct ovsdb_idl_row;
struct ovsdb_idl_txn;

// What the switch says about rows that a transaction has written: a transaction may succeed and the switch yet be unable to
// do what a row asks for, which a script sees by the exit status only.

// Exit status when it says so (sysexits.h: EX_DATAERR).
enum { VSCTL_EXIT_REFUSED = 65 };

// Forget what the attempt before this one expected.
void vsctl_verdict_reset(void);

// For commands: report on this row (of Interface, Logical_Network or Logical_Port) once the switch has seen it. The columns
// that tell (ofport and error, or status) must be among the command's prerequisites.
void vsctl_verdict_expect(const struct ovsdb_idl_row *);

// Print to stderr what the switch has against the rows expected in this transaction. Returns the exit status.
int vsctl_verdict_report(struct ovsdb_idl *, const struct ovsdb_idl_txn *);
