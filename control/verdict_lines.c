// SPDX-License-Identifier: Apache-2.0
#include "control/verdict_lines.h"

#include <inttypes.h>
#include <netinet/in.h>

#include <openvswitch/dynamic-string.h>
#include <openvswitch/vlog.h>

#include "control/acl_text.h"
#include "control/policies.h"
#include "dataplane/core/packet.h"
#include "dataplane/dataplane.h"
#include "dataplane/verdict_log.h"

VLOG_DEFINE_THIS_MODULE(acl_log);

/* Lines of one turn: a disk that is slow must not hold up the loop. */
#define LINES_PER_TURN 64

static const char *verdict_text(enum verdict verdict)
{
    static const char *const names[] = {[VERDICT_ALLOW] = "allow",
                                        [VERDICT_DENY] = "deny",
                                        [VERDICT_REJECTED] = "reject",
                                        [VERDICT_CUT] = "cut",
                                        [VERDICT_WOULD_DENY] = "would deny"};

    return names[verdict];
}

static void put_end(struct ds *out, const struct inet_addr *addr, bool has_port, uint16_t port)
{
    char text[INET_TEXT_LEN];
    bool v4 = inet_addr_is_v4(addr);

    inet_addr_format(addr, text);
    if (!has_port)
        ds_put_cstr(out, text);
    else
        ds_put_format(out, v4 ? "%s:%" PRIu16 : "[%s]:%" PRIu16, text, ntohs(port));
}

static void put_tuple(struct ds *out, const struct ct_tuple *tuple, bool is_arp)
{
    bool has_ports = packet_protocol_has_ports(tuple->protocol);
    bool is_icmp = tuple->protocol == IPPROTO_ICMP || tuple->protocol == IPPROTO_ICMPV6;
    const char *protocol = is_arp ? "arp" : acl_text_protocol(tuple->protocol);

    if (inet_addr_is_zero(&tuple->src) && inet_addr_is_zero(&tuple->dst)) {
        ds_put_cstr(out, "a frame that is not IP");
        return;
    }
    if (protocol != NULL)
        ds_put_format(out, "%s ", protocol);
    else
        ds_put_format(out, "protocol %d ", tuple->protocol);
    put_end(out, &tuple->src, has_ports, tuple->src_port);
    ds_put_cstr(out, " > ");
    put_end(out, &tuple->dst, has_ports, tuple->dst_port);
    if (is_icmp)
        ds_put_format(out, " type %d", tuple->icmp_type);
}

void verdict_lines_format(struct ds *out, const char *rule, const char *port, const struct verdict_event *event)
{
    ds_put_format(out, "rule \"%s\" %s %s of port %s: ", rule, verdict_text(event->verdict),
                  acl_text_direction(event->side), port);
    put_tuple(out, &event->tuple, event->is_arp);
    if (event->left_out > 0)
        ds_put_format(out, " (and %" PRIu32 " more)", event->left_out);
}

static const char *port_name(uint32_t id)
{
    const struct snapshot *snapshot = dataplane_current();
    const struct attachment *attachment = snapshot != NULL ? snapshot_attachment(snapshot, id) : NULL;
    const struct port *port = attachment != NULL ? snapshot_port(snapshot, attachment->port) : NULL;

    return port != NULL ? port->name : "(gone)";
}

bool verdict_lines_run(const struct policies *policies)
{
    struct verdict_event event;
    struct ds line = DS_EMPTY_INITIALIZER;
    int n = 0;

    for (; n < LINES_PER_TURN && verdict_log_take(&event); n++) {
        const char *rule = policies_rule_name(policies, event.rule);

        ds_clear(&line);
        verdict_lines_format(&line, rule != NULL ? rule : "(gone)", port_name(event.attachment), &event);
        VLOG_INFO("%s", ds_cstr(&line));
    }
    ds_destroy(&line);
    return n == LINES_PER_TURN;
}
