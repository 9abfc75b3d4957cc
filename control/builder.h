// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>

struct port;
struct port_settings;

/* The builder thread: opens and closes ports that may take their time, so that the control thread never waits for a
 * device. Jobs are done one after the other, in order. A finished job raises the notifier.
 *
 * The control thread hands a port over with its job and must not touch it until the job comes back. */
struct builder;

enum build_kind { BUILD_OPEN, BUILD_CLOSE };

struct build_result {
    enum build_kind kind;
    struct port *port;
    int error;    /* 0 or negative errno (BUILD_OPEN) */
    char *reason; /* for Interface.error, or NULL; the taker frees it */
};

struct builder *builder_create(void); /* starts the thread; NULL when that fails */
/* Waits for the jobs it has; results not taken are lost. */
void builder_destroy(struct builder *builder);

/* 'settings' are copied. */
void builder_open(struct builder *builder, struct port *port, const struct port_settings *settings);
void builder_close(struct builder *builder, struct port *port);
/* The next finished job; false when there is none. */
bool builder_take(struct builder *builder, struct build_result *result);
