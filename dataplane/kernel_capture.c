// SPDX-License-Identifier: Apache-2.0
#include "dataplane/kernel_capture.h"

#include <errno.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

/* One fixed place among the device's filters, so that a later run finds and replaces an earlier one's. */
#define CAPTURE_HANDLE   1
#define CAPTURE_PRIORITY 1

/* r0 = TC_ACT_SHOT; exit */
static const struct bpf_insn drop_program[] = {
    {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = TC_ACT_SHOT},
    {.code = BPF_JMP | BPF_EXIT},
};

static int no_output(enum libbpf_print_level level, const char *format, va_list args)
{
    return 0;
}

int kernel_capture_start(uint32_t ifindex)
{
    DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_INGRESS);
    DECLARE_LIBBPF_OPTS(bpf_tc_opts, opts, .handle = CAPTURE_HANDLE, .priority = CAPTURE_PRIORITY,
                        .flags = BPF_TC_F_REPLACE);
    int program, result;

    /* "Exists already" is no news worth standard error. */
    libbpf_set_print(no_output);
    program = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "sluice_capture", "GPL", drop_program,
                            sizeof drop_program / sizeof drop_program[0], NULL);
    if (program < 0)
        return program;
    result = bpf_tc_hook_create(&hook);
    if (result == 0 || result == -EEXIST) {
        opts.prog_fd = program;
        result = bpf_tc_attach(&hook, &opts);
    }
    close(program); /* the filter holds it */
    return result;
}

void kernel_capture_stop(uint32_t ifindex)
{
    DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_INGRESS);
    DECLARE_LIBBPF_OPTS(bpf_tc_opts, opts, .handle = CAPTURE_HANDLE, .priority = CAPTURE_PRIORITY);

    bpf_tc_detach(&hook, &opts);
}
