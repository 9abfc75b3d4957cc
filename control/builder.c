// SPDX-License-Identifier: Apache-2.0
#include "control/builder.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include <openvswitch/list.h>
#include <util.h>

#include "control/settings.h"
#include "dataplane/core/notifier.h"
#include "dataplane/core/port.h"

struct job {
    struct ovs_list node;
    struct port_settings *settings; /* BUILD_OPEN */
    struct build_result result;
};

struct builder {
    pthread_t thread;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t wake;
    struct ovs_list jobs;
    struct ovs_list finished;
    bool stopping;
};

static void run_job(struct job *job)
{
    struct build_result *result = &job->result;
    struct port_config config;

    if (result->kind == BUILD_CLOSE) {
        result->port->ops->close(result->port);
        return;
    }
    port_config_init(&config, job->settings);
    result->error = result->port->ops->open(result->port, &config, &result->reason);
    port_config_fini(&config);
}

static void *builder_main(void *aux)
{
    struct builder *builder = aux;

    pthread_setname_np(pthread_self(), "builder");
    pthread_mutex_lock(&builder->lock);
    for (;;) {
        struct job *job;

        while (ovs_list_is_empty(&builder->jobs) && !builder->stopping)
            pthread_cond_wait(&builder->wake, &builder->lock);
        if (ovs_list_is_empty(&builder->jobs))
            break;
        job = CONTAINER_OF(ovs_list_pop_front(&builder->jobs), struct job, node);
        pthread_mutex_unlock(&builder->lock);
        run_job(job);
        pthread_mutex_lock(&builder->lock);
        ovs_list_push_back(&builder->finished, &job->node);
        notifier_raise();
    }
    pthread_mutex_unlock(&builder->lock);
    return NULL;
}

struct builder *builder_create(void)
{
    struct builder *builder = xzalloc(sizeof *builder);
    sigset_t all, old;
    int rc;

    pthread_mutex_init(&builder->lock, NULL);
    pthread_cond_init(&builder->wake, NULL);
    ovs_list_init(&builder->jobs);
    ovs_list_init(&builder->finished);
    sigfillset(&all); /* signals are the control thread's */
    pthread_sigmask(SIG_SETMASK, &all, &old);
    rc = pthread_create(&builder->thread, NULL, builder_main, builder);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc == 0)
        return builder;
    pthread_cond_destroy(&builder->wake);
    pthread_mutex_destroy(&builder->lock);
    free(builder);
    return NULL;
}

static void free_job(struct job *job)
{
    port_settings_destroy(job->settings);
    free(job);
}

void builder_destroy(struct builder *builder)
{
    struct build_result result;

    if (builder == NULL)
        return;
    pthread_mutex_lock(&builder->lock);
    builder->stopping = true;
    pthread_cond_signal(&builder->wake);
    pthread_mutex_unlock(&builder->lock);
    pthread_join(builder->thread, NULL);
    while (builder_take(builder, &result))
        free(result.reason);
    pthread_cond_destroy(&builder->wake);
    pthread_mutex_destroy(&builder->lock);
    free(builder);
}

static void submit(struct builder *builder, struct job *job)
{
    pthread_mutex_lock(&builder->lock);
    ovs_list_push_back(&builder->jobs, &job->node);
    pthread_cond_signal(&builder->wake);
    pthread_mutex_unlock(&builder->lock);
}

void builder_open(struct builder *builder, struct port *port, const struct port_settings *settings)
{
    struct job *job = xzalloc(sizeof *job);

    job->settings = port_settings_clone(settings);
    job->result = (struct build_result){.kind = BUILD_OPEN, .port = port};
    submit(builder, job);
}

void builder_close(struct builder *builder, struct port *port)
{
    struct job *job = xzalloc(sizeof *job);

    job->result = (struct build_result){.kind = BUILD_CLOSE, .port = port};
    submit(builder, job);
}

bool builder_take(struct builder *builder, struct build_result *result)
{
    struct job *job = NULL;

    pthread_mutex_lock(&builder->lock);
    if (!ovs_list_is_empty(&builder->finished))
        job = CONTAINER_OF(ovs_list_pop_front(&builder->finished), struct job, node);
    pthread_mutex_unlock(&builder->lock);
    if (job == NULL)
        return false;
    *result = job->result;
    free_job(job);
    return true;
}
