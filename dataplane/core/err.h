// SPDX-License-Identifier: Apache-2.0
#pragma once

/* How functions of this project answer, said once:
 *
 *   - a function that does something returns 0 or a negative errno (-EINVAL, -ENOMEM ...);
 *   - a predicate returns bool and has no effect;
 *   - a look-up returns a pointer, or NULL when there is none;
 *   - a stage of the packet path says why a packet may not go on by an enum drop_reason, DROP_NONE meaning it may.
 *
 * Where a person will read the failure, a `char **error` out-parameter receives a malloc()ed sentence without a final
 * period or newline (ovs-vsctl appends to it). The caller frees it. */

/* Sets '*error' to a newly allocated text made as printf() would; does nothing when 'error' is NULL. A text that
 * cannot be allocated becomes NULL: the return code alone then tells. */
void err_set(char **error, const char *format, ...) __attribute__((format(printf, 2, 3)));
