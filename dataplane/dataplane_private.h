// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dataplane/worker.h"

/* The running worker of that id, or NULL. Control thread. */
struct worker *dataplane_worker(unsigned int id);
