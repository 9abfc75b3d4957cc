// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>

#include "control/applied.h"
#include "control/sluice_db.h"
#include "control/vswitch_db.h"

/* The switch: two databases, what was made of them, and when what is due. One turn of the main loop:
 *
 *      databases in ─► reconcile if something changed ─► status out ─► commit
 *
 * cur_cfg is written in the transaction that carries ofport and error of the same change, after every worker forwards
 * by it; at the latest CONFIRM_MS after the change was seen, even when a device is still being probed. */
struct vswitch {
    struct vswitch_db db;
    struct sluice_db sluice;
    struct applied applied;
    bool started;             /* the data plane was started, or that was tried */
    long long int start_by;   /* when to start it even if the Sluice database has not answered; 0: not wanted yet */
    bool dirty;               /* a reconcile pass is due */
    bool policy_dirty;        /* the part of one is that follows from the Sluice database */
    bool unconfirmed;         /* cur_cfg has to be written */
    long long int changed_at; /* when the change behind that was first seen */
    bool write_all;           /* the whole status has to be written */
    bool in_flight;           /* ... and is on its way */
    bool awaits_workers;      /* in this turn something was not written because workers are not there yet */
    bool policy_overdue;      /* the Sluice database did not answer in time */
    bool sluice_write_all;    /* the status in the Sluice database has to be written, of all ports ... */
    bool sluice_write_some;   /* ... or of those whose policy was decided anew */
    bool sluice_in_flight;
    bool announced;              /* the first configuration is in the database: the parent process may return */
    long long int status_at;     /* when to ask ports for their status */
    long long int statistics_at; /* when to write statistics */
    long long int second_at;     /* when to do what is done every second */
    char *default_remote;
};

void vswitch_init(struct vswitch *vswitch, const char *remote);
void vswitch_run(struct vswitch *vswitch);
void vswitch_wait(struct vswitch *vswitch);
/* Is there a data plane to ask and to tell? Not before the first configuration, nor when it could not be started. */
bool vswitch_has_data_plane(const struct vswitch *vswitch);
/* Takes everything down. */
void vswitch_destroy(struct vswitch *vswitch);

struct simap;
void vswitch_memory_usage(const struct vswitch *vswitch, struct simap *usage);
