// SPDX-License-Identifier: Apache-2.0
#pragma once

/* Runs 'job' on the thread on which rte_vhost handles the events of all connections, and waits for it: while it runs,
 * no connection of any device can be torn down or take a message.
 *
 * rte_vhost has no call for that, but it calls back from that thread when somebody connects to a socket it serves. So
 * one is made for the occasion, in a directory of its own below /tmp, connected to, and removed again. 0, or negative
 * errno when that is not possible; the job has then not run. Builder thread; one at a time. */
int event_thread_run(void (*job)(void *context), void *context);
