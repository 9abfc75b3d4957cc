// SPDX-License-Identifier: Apache-2.0
#include "control/tunnel_attachments.h"

#include "tests/unit/control/tunnels_fixture.h"

static struct tunnel_attachment *added(struct attachment spec)
{
    struct tunnel_attachment *attachment = NULL;

    assert_int_equal(tunnel_attachments_add(host.attachments, &spec, &attachment, NULL), 0);
    return attachment;
}

static void assert_refused(struct attachment spec, int result, const char *why)
{
    struct tunnel_attachment *attachment;
    char *error = NULL;

    assert_int_equal(tunnel_attachments_add(host.attachments, &spec, &attachment, &error), result);
    assert_string_equal(error, why);
    free(error);
}

static void tunnel_twice_is_refused(void **state)
{
    struct tunnel_attachment *first = added(tunnel_to(TUNNEL_VXLAN, "10.0.0.2", 5, 4789));

    assert_refused(tunnel_to(TUNNEL_VXLAN, "10.0.0.2", 5, 4789), -EEXIST,
                   "there is a tunnel to the same address with the same key");
    tunnel_attachments_remove(host.attachments, first);
    added(tunnel_to(TUNNEL_VXLAN, "10.0.0.2", 5, 4789));
}

static void tunnel_that_differs_in_one_thing_is_taken(void **state)
{
    struct attachment local = tunnel_to(TUNNEL_VXLAN, "10.0.0.2", 5, 4789);

    local.tunnel.local = inet_addr("10.0.0.1");
    added(tunnel_to(TUNNEL_VXLAN, "10.0.0.2", 5, 4789));
    added(tunnel_to(TUNNEL_VXLAN, "10.0.0.3", 5, 4789));
    added(tunnel_to(TUNNEL_VXLAN, "10.0.0.2", 6, 4789));
    added(tunnel_to(TUNNEL_VXLAN, "10.0.0.2", 5, 4790));
    added(tunnel_to(TUNNEL_GENEVE, "10.0.0.2", 5, 6081));
    added(local);
    publish_tunnels();
    assert_int_equal(count_attached(), 6);
}

static void udp_port_means_one_encapsulation(void **state)
{
    struct tunnel_attachment *vxlan = added(tunnel_to(TUNNEL_VXLAN, "10.0.0.2", 5, 6081));

    assert_refused(tunnel_to(TUNNEL_GENEVE, "10.0.0.3", 5, 6081), -EADDRINUSE,
                   "UDP port 6081 is in use by vxlan tunnels");
    tunnel_attachments_remove(host.attachments, vxlan);
    added(tunnel_to(TUNNEL_GENEVE, "10.0.0.3", 5, 6081));
}

static void change_in_place_keeps_the_id(void **state)
{
    struct attachment spec = tunnel_to(TUNNEL_VXLAN, "10.0.0.2", 5, 4789);
    struct tunnel_attachment *attachment = added(spec);
    uint32_t id = attachment->spec.id;

    publish_tunnels();
    spec.tunnel.ttl = 3;
    assert_true(tunnel_attachment_may_become(attachment, &spec));
    tunnel_attachments_change(host.attachments, attachment, &spec);
    publish_tunnels();
    assert_int_equal(host.attached[id]->tunnel.ttl, 3);
    assert_int_equal(host.attached[id]->next_hop, attachment->hop->index);
    spec.bridge = 2;
    assert_false(tunnel_attachment_may_become(attachment, &spec));
}

static void change_of_nothing_is_not_published(void **state)
{
    struct attachment spec = tunnel_to(TUNNEL_VXLAN, "10.0.0.2", 5, 4789);
    struct tunnel_attachment *attachment = added(spec);

    publish_tunnels();
    tunnel_attachments_change(host.attachments, attachment, &spec);
    assert_false(tunnel_attachments_is_dirty(host.attachments));
}

static void decap_entries_name_every_attachment(void **state)
{
    struct tunnel_attachment *attachment = added(tunnel_to(TUNNEL_GENEVE, "10.0.0.2", 5, 6081));
    size_t n;
    struct decap_entry *entries = tunnel_attachments_decap_entries(host.attachments, &n);

    assert_int_equal(n, 1);
    assert_int_equal(entries[0].type, TUNNEL_GENEVE);
    assert_int_equal(entries[0].remote, inet_addr("10.0.0.2"));
    assert_int_equal(entries[0].local, 0);
    assert_int_equal(entries[0].vni, 5);
    assert_int_equal(entries[0].dst_port, 6081);
    assert_int_equal(entries[0].attachment, attachment->spec.id);
    free(entries);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, host_create, host_destroy)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tunnel_twice_is_refused),
        TEST(tunnel_that_differs_in_one_thing_is_taken),
        TEST(udp_port_means_one_encapsulation),
        TEST(change_in_place_keeps_the_id),
        TEST(change_of_nothing_is_not_published),
        TEST(decap_entries_name_every_attachment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
