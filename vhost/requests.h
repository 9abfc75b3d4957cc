// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>
#include <string.h>

/* What we know of the messages that rte_vhost shows us before and after it handles them: the start of a message of the
 * vhost-user protocol, as it came. Requests by the numbers of the protocol. */
enum vhost_user_request {
    VHOST_USER_GET_FEATURES = 1,
    VHOST_USER_SET_FEATURES = 2,
    VHOST_USER_SET_OWNER = 3,
    VHOST_USER_SET_MEM_TABLE = 5,
    VHOST_USER_SET_VRING_ERR = 14,
    VHOST_USER_GET_PROTOCOL_FEATURES = 15,
    VHOST_USER_GET_QUEUE_NUM = 17,
    VHOST_USER_SEND_RARP = 19,
    VHOST_USER_NET_SET_MTU = 20,
    VHOST_USER_GET_STATUS = 40,
};

static inline uint32_t request_of(const void *message)
{
    uint32_t request;

    memcpy(&request, message, sizeof request);
    return request;
}

/* The first eight bytes behind the request, the flags and the size. */
static inline uint64_t request_payload(const void *message)
{
    uint64_t payload;

    memcpy(&payload, (const uint8_t *)message + 12, sizeof payload);
    return payload;
}
