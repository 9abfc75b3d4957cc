// SPDX-License-Identifier: Apache-2.0
#include "control/eal.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <rte_version.h>

#include <fatal-signal.h>
#include <openvswitch/vlog.h>
#include <smap.h>

#include "control/cpus.h"
#include "control/eal_args.h"
#include "control/hugepages.h"
#include "dataplane/core/err.h"

VLOG_DEFINE_THIS_MODULE(eal);

/* The child that tries the arguments gets this long; a device probe may take seconds. */
#define TRIAL_SECONDS 20
/* Its exit status when EAL came up. Not 0: "-h" among the arguments makes EAL print its help and exit with 0. */
#define TRIAL_ACCEPTED 42

/* Less than this is not worth having: the packet buffers would not fit. */
#define HUGEPAGES_MIN_KIB (64u * 1024)

/* Where DPDK's log goes: its lines carry no level, so only the words tell. Some are in the hands of guests. */
static ssize_t log_write(void *cookie, const char *text, size_t size)
{
    static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(600, 2000);
    const char *start = text, *end = text + size;

    while (start < end) {
        const char *newline = memchr(start, '\n', (size_t)(end - start));
        int len = (int)((newline != NULL ? newline : end) - start);

        if (len > 0)
            VLOG_INFO_RL(&rl, "%.*s", len, start);
        start += len + 1;
    }
    return (ssize_t)size;
}

static void open_log(void)
{
    cookie_io_functions_t functions = {.write = log_write};
    FILE *stream = fopencookie(NULL, "w", functions);

    if (stream != NULL) {
        setlinebuf(stream);
        rte_openlog_stream(stream);
    }
}

/* EAL changes the argument vector, so it gets a copy of the pointers. Negative errno or 0. */
static int init(const struct eal_args *args)
{
    char *argv[EAL_ARGS_MAX + 1];

    memcpy(argv, args->argv, sizeof argv);
    return rte_eal_init(args->argc, argv) < 0 ? -(rte_errno > 0 ? rte_errno : EINVAL) : 0;
}

/* The child: EAL's complaints go to 'fd', the exit status says whether it came up. */
static _Noreturn void run_trial(const struct eal_args *args, int fd)
{
    FILE *stream = fdopen(fd, "w");

    fatal_signal_fork(); /* EAL may call exit(): the pidfile and the control socket are not the child's to remove */
    alarm(TRIAL_SECONDS);
    signal(SIGALRM, SIG_DFL);
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    if (stream != NULL)
        rte_openlog_stream(stream);
    int rc = init(args);

    if (stream != NULL)
        fflush(stream);
    _exit(rc == 0 ? TRIAL_ACCEPTED : 1);
}

/* The most telling line of what the child said: the last that EAL wrote. */
static void read_reason(int fd, char *reason, size_t size)
{
    FILE *stream = fdopen(fd, "r");
    char line[256];

    snprintf(reason, size, "the arguments end the process instead of starting it");
    if (stream == NULL) {
        close(fd);
        return;
    }
    while (fgets(line, sizeof line, stream) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "EAL: ", 5) == 0 && strstr(line, "Detected") == NULL && strstr(line, "Cannot init") == NULL &&
            strstr(line, "FATAL: Invalid 'command line'") == NULL && strstr(line, "Invalid 'command line'") == NULL)
            snprintf(reason, size, "%.200s", line + 5);
        else if (strstr(line, "unrecognized option") != NULL || strstr(line, "invalid option") != NULL)
            snprintf(reason, size, "%.200s", line);
    }
    fclose(stream);
}

/* 0 when EAL takes the arguments. Runs before other threads exist, so that fork() is safe. */
static int try_args(const struct eal_args *args, char *reason, size_t size)
{
    int fds[2], status = 0;
    pid_t pid;

    if (pipe(fds) < 0)
        return -errno;
    fflush(NULL);
    pid = fork();
    if (pid < 0) {
        close(fds[0]);
        close(fds[1]);
        return -errno;
    }
    if (pid == 0) {
        close(fds[0]);
        run_trial(args, fds[1]);
    }
    close(fds[1]);
    read_reason(fds[0], reason, size);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (WIFEXITED(status) && WEXITSTATUS(status) == TRIAL_ACCEPTED)
        return 0;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        snprintf(reason, size, "no answer within %d s", TRIAL_SECONDS);
    return -EINVAL;
}

static void note_dpdk_init(const struct smap *other_config)
{
    const char *value = smap_get(other_config, "dpdk-init");

    if (value != NULL && strcmp(value, "true") != 0 && strcmp(value, "try") != 0)
        VLOG_INFO("other_config:dpdk-init=%s has no effect: DPDK is the only data plane", value);
    if (smap_get(other_config, "n-dpdk-rxqs") != NULL)
        VLOG_WARN("other_config:n-dpdk-rxqs is obsolete and ignored; use options:n_rxq of the Interface");
}

int eal_start(const struct smap *other_config, char **error)
{
    unsigned long free_kib = hugepages_free_kib();
    struct eal_machine machine = {.hugepages_free = free_kib >= HUGEPAGES_MIN_KIB, .cpu = cpus_first()};
    struct eal_args args;
    char reason[256], *line;
    int rc;

    note_dpdk_init(other_config);
    eal_args_build(&args, other_config, &machine);
    if (args.from_user && try_args(&args, reason, sizeof reason) != 0) {
        line = eal_args_format(&args);
        VLOG_ERR("other_config:dpdk-* (%s) refused by EAL: %s; continuing with the defaults", line, reason);
        free(line);
        eal_args_destroy(&args);
        eal_args_build(&args, NULL, &machine);
    }
    if (args.fallback)
        VLOG_WARN("%lu MiB of free hugepages, %u needed: using ordinary memory, which is slower", free_kib / 1024,
                  HUGEPAGES_MIN_KIB / 1024);
    line = eal_args_format(&args);
    VLOG_INFO("EAL arguments: %s", line);
    free(line);

    open_log();
    /* It writes a line for each bad descriptor of a guest, on the worker; those are counted instead. */
    rte_log_set_level_pattern("lib.vhost.data", 0);
    /* A hundred lines for each connection of a guest; that it came and went is logged as its port's link. */
    rte_log_set_level_pattern("lib.vhost.config", RTE_LOG_NOTICE);
    rc = init(&args);
    cpus_restore(); /* EAL binds the calling thread to its lcore; the control thread may run anywhere */
    if (rc < 0)
        err_set(error, "DPDK could not be started (%s); see the log", strerror(-rc));
    eal_args_destroy(&args);
    return rc;
}

const char *eal_version(void)
{
    return rte_version();
}
