// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dataplane/rxq_plan.h"
#include "dataplane/worker.h"

/* The running worker of that id, or NULL. Control thread. */
struct worker *dataplane_worker(unsigned int id);
/* All running workers. Control thread. */
struct rxq_workers dataplane_rxq_workers(void);
