// SPDX-License-Identifier: Apache-2.0
#include "control/tunnels.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openvswitch/dynamic-string.h>
#include <openvswitch/vlog.h>
#include <smap.h>
#include <sset.h>
#include <util.h>

#include "dataplane/core/err.h"

VLOG_DEFINE_THIS_MODULE(tunnel_options);

static struct vlog_rate_limit odd_options = VLOG_RATE_LIMIT_INIT(20, 60);

#define DSCP_MASK 0xfcu

/* What is known while the options of one Interface are read, one by one. */
struct reader {
    const char *name;
    const char *type;
    struct tunnel_config *config;
    struct ds errors; /* lines; any makes the options invalid */
    bool remote_flow;
    bool local_flow;
    bool key_flow;
    bool has_key; /* by 'key', 'in_key' or 'out_key'; the last two must say the same */
};

struct option {
    const char *key;
    void (*read)(struct reader *reader, const char *key, const char *value);
};

static void refuse(struct reader *reader, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void refuse(struct reader *reader, const char *format, ...)
{
    va_list args;

    if (reader->errors.length > 0)
        ds_put_char(&reader->errors, '\n');
    ds_put_format(&reader->errors, "%s: ", reader->name);
    va_start(args, format);
    ds_put_format_valist(&reader->errors, format, args);
    va_end(args);
}

/* A whole number from 0 to 'most', decimal or, with 0x, hexadecimal. */
static bool parse_number(const char *text, unsigned long long most, unsigned long long *number)
{
    char *end;

    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    *number = strtoull(text, &end, 0);
    return errno == 0 && *end == '\0' && *number <= most;
}

static void read_address(struct reader *reader, const char *key, const char *value, uint32_t *addr)
{
    struct in6_addr v6;
    struct in_addr v4;

    if (inet_pton(AF_INET, value, &v4) == 1) {
        if (IN_MULTICAST(ntohl(v4.s_addr)))
            refuse(reader, "multicast %s=%s not allowed", key, value);
        else
            *addr = v4.s_addr;
    } else if (inet_pton(AF_INET6, value, &v6) == 1) {
        refuse(reader, "%s=%s: tunnels over IPv6 are not supported", key, value);
    } else {
        refuse(reader, "bad %s '%s'", reader->type, key);
    }
}

static void read_remote(struct reader *reader, const char *key, const char *value)
{
    reader->remote_flow = strcmp(value, "flow") == 0;
    if (!reader->remote_flow)
        read_address(reader, key, value, &reader->config->remote);
}

static void read_local(struct reader *reader, const char *key, const char *value)
{
    reader->local_flow = strcmp(value, "flow") == 0;
    if (!reader->local_flow)
        read_address(reader, key, value, &reader->config->local);
}

static void read_key(struct reader *reader, const char *key, const char *value)
{
    bool is_flow = strcmp(value, "flow") == 0;
    unsigned long long number = 0;

    if (!is_flow && !parse_number(value, TUNNEL_VNI_MAX, &number)) {
        refuse(reader, "bad %s '%s': must be 'flow' or a number from 0 to %u", reader->type, key, TUNNEL_VNI_MAX);
        return;
    }
    if (reader->has_key && (is_flow != reader->key_flow || (!is_flow && number != reader->config->vni))) {
        refuse(reader, "%s with an 'in_key' that differs from its 'out_key' is not supported", reader->type);
        return;
    }
    reader->has_key = true;
    reader->key_flow = is_flow;
    reader->config->vni = (uint32_t)number;
}

static void read_dst_port(struct reader *reader, const char *key, const char *value)
{
    unsigned long long number;

    if (parse_number(value, UINT16_MAX, &number) && number > 0)
        reader->config->dst_port = (uint16_t)number;
    else
        refuse(reader, "bad %s '%s'", reader->type, key);
}

/* tos and ttl that cannot be read leave the default in force: a tunnel that works beats one that does not. */
static void read_tos(struct reader *reader, const char *key, const char *value)
{
    unsigned long long number;

    if (strcmp(value, "inherit") == 0)
        reader->config->tos_inherit = true;
    else if (parse_number(value, DSCP_MASK, &number) && (number & DSCP_MASK) == number)
        reader->config->tos = (uint8_t)number;
    else
        VLOG_WARN_RL(&odd_options, "%s: invalid %s %s", reader->name, key, value);
}

static void read_ttl(struct reader *reader, const char *key, const char *value)
{
    unsigned long long number;

    if (strcmp(value, "inherit") == 0)
        reader->config->ttl_inherit = true;
    else if (parse_number(value, UINT8_MAX, &number) && number > 0)
        reader->config->ttl = (uint8_t)number;
    else
        VLOG_WARN_RL(&odd_options, "%s: invalid %s %s", reader->name, key, value);
}

static void read_csum(struct reader *reader, const char *key, const char *value)
{
    reader->config->csum = strcmp(value, "true") == 0;
}

static void read_df_default(struct reader *reader, const char *key, const char *value)
{
    reader->config->df = strcmp(value, "false") != 0;
}

static void read_unsupported(struct reader *reader, const char *key, const char *value)
{
    VLOG_WARN_RL(&odd_options, "%s: %s argument '%s' has no effect in this switch", reader->name, reader->type, key);
}

static void read_packet_type(struct reader *reader, const char *key, const char *value)
{
    if (strcmp(value, "legacy_l2") != 0)
        read_unsupported(reader, key, value);
}

/* Read in this order, so that an error of several lines is always the same text. */
static const struct option options_known[] = {
    {"remote_ip", read_remote},
    {"local_ip", read_local},
    {"key", read_key},
    {"in_key", read_key},
    {"out_key", read_key},
    {"dst_port", read_dst_port},
    {"tos", read_tos},
    {"ttl", read_ttl},
    {"csum", read_csum},
    {"df_default", read_df_default},
    {"exts", read_unsupported},
    {"egress_pkt_mark", read_unsupported},
    {"packet_type", read_packet_type},
};

static void read_options(struct reader *reader, const struct smap *options)
{
    struct sset unknown = SSET_INITIALIZER(&unknown);
    const struct smap_node *node;
    const char *key;

    SMAP_FOR_EACH (node, options) {
        sset_add(&unknown, node->key);
    }
    for (size_t i = 0; i < ARRAY_SIZE(options_known); i++) {
        const struct option *option = &options_known[i];
        const char *value = smap_get(options, option->key);

        if (value == NULL)
            continue;
        option->read(reader, option->key, value);
        sset_find_and_delete(&unknown, option->key);
    }
    SSET_FOR_EACH (key, &unknown) {
        VLOG_WARN_RL(&odd_options, "%s: unknown %s argument '%s'", reader->name, reader->type, key);
    }
    sset_destroy(&unknown);
}

int tunnel_config_from_options(const char *name, const char *type, const struct smap *options,
                               struct tunnel_config *config, bool *carries, char **error)
{
    struct reader reader = {.name = name, .type = type, .config = config, .errors = DS_EMPTY_INITIALIZER};
    bool is_geneve = strcmp(type, "geneve") == 0;
    int result = 0;

    *config = (struct tunnel_config){
        .type = is_geneve ? TUNNEL_GENEVE : TUNNEL_VXLAN,
        .dst_port = is_geneve ? TUNNEL_PORT_GENEVE : TUNNEL_PORT_VXLAN,
        .ttl = TUNNEL_TTL_DEFAULT,
        .df = true,
    };
    read_options(&reader, options);
    if (config->remote == 0 && !reader.remote_flow)
        refuse(&reader, "%s type requires valid 'remote_ip' argument", type);
    else if (reader.local_flow && !reader.remote_flow)
        refuse(&reader, "%s type requires 'remote_ip=flow' with 'local_ip=flow'", type);

    *carries = !reader.remote_flow && !reader.key_flow;
    if (reader.errors.length > 0) {
        err_set(error, "%s", ds_cstr(&reader.errors));
        result = -EINVAL;
    }
    ds_destroy(&reader.errors);
    return result;
}
