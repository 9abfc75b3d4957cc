// SPDX-License-Identifier: Apache-2.0
#pragma once

struct applied;
struct smap;

/* The data plane as a whole: EAL, packet buffers, workers, and the control side's parts that need them. Control thread.
 *
 * engine_start() once, with Open_vSwitch.other_config and Sluice.options:max-sessions (NULL: not set), when the databases are
 * first known. Whatever fails is said in the log and in applied->no_data_plane; the daemon goes on, every interface then
 * carries that sentence. */
void engine_start(struct applied *applied, const struct smap *other_config, const char *max_sessions);
/* Applies pmd-cpu-mask, pmd-sleep-max and the other keys about workers and their queues, live. */
void engine_configure(const struct applied *applied, const struct smap *other_config);
/* Closes every port that is on its way out, waiting for it, and stops everything. */
void engine_stop(struct applied *applied);
