# SPDX-License-Identifier: Apache-2.0
"""Bridge commands of sluice-vsctl print, say and return what those of ovs-vsctl do."""


def test_init_and_empty_database(pair):
    pair.check_all("""
        init
        init
        list-br
        show
        br-exists br0
        br-to-vlan br0
        br-to-parent br0
        list-ports br0
        list-ifaces br0
        del-br br0
        --if-exists del-br br0
        """)


def test_bridges(pair):
    pair.check_all("""
        add-br br0
        add-br br0
        --may-exist add-br br0
        add-br a
        list-br
        list-br extra
        br-exists br0
        br-exists br1
        br-to-vlan br0
        br-to-parent br0
        --real list-br
        --fake list-br
        --real --fake list-br
        show
        list-ports br0
        list-ifaces br0
        del-br a
        list-br
        --if-exists del-br a
        del-br a
        add-br
        add-br br2 br0
        add-br br2 br0 4096
        add-br br2 br0 -- list-br
        """)
    assert pair.check("br-exists", "br1").status == 2
    pair.check("add-br", "")


def test_fake_bridges(pair):
    pair.check_all("""
        add-br br0
        add-br vlan9 br0 9
        add-br vlan9 br0 9
        add-br other9 br0 9
        add-br sub vlan9 3
        add-br orphan nosuch 3
        --may-exist add-br vlan9
        --may-exist add-br vlan9 br0 9
        --may-exist add-br vlan9 br0 10
        --may-exist add-br vlan9 br1 9
        --may-exist add-br br0 br1 9
        --may-exist add-br br0
        list-br
        --real list-br
        --fake list-br
        br-to-vlan vlan9
        br-to-parent vlan9
        add-port vlan9 p1
        add-port br0 p2 tag=9
        add-port br0 p3
        list-ports br0
        list-ports vlan9
        list-ifaces br0
        list-ifaces vlan9
        port-to-br p1
        port-to-br p2
        port-to-br p3
        port-to-br vlan9
        iface-to-br p1
        get port p1 tag
        del-port br0 p1
        del-port vlan9 p3
        del-port vlan9
        --if-exists del-port vlan9
        del-port vlan9 p1
        list-ports vlan9
        get-controller vlan9
        set-controller vlan9 tcp:192.0.2.1
        set-fail-mode vlan9 secure
        get-fail-mode vlan9
        del-br vlan9
        list-br
        list-ports br0
        add-br vlan8 br0 8
        add-port vlan8 p8
        del-br br0
        list-br
        --columns=name list port
        """)


def test_external_ids(pair):
    pair.check_all("""
        add-br br0
        add-br vlan9 br0 9
        br-set-external-id br0 key value
        br-set-external-id br0 akey other
        br-get-external-id br0
        br-get-external-id br0 key
        br-get-external-id br0 nokey
        br-set-external-id br0 key
        br-get-external-id br0
        br-set-external-id vlan9 key value
        br-set-external-id vlan9 more=x y
        br-get-external-id vlan9
        br-get-external-id vlan9 key
        get port vlan9 external_ids
        br-set-external-id vlan9 key
        br-get-external-id vlan9
        br-get-external-id nosuch
        br-set-external-id nosuch key value
        """)


def test_names_that_are_taken(pair):
    pair.check_all("""
        add-br br0
        add-port br0 p1
        add-bond br0 bond0 i1 i2
        add-br p1
        add-br i1
        add-br bond0
        add-port br0 br0
        add-port br0 p1
        add-port br0 i2
        add-port br0 bond0
        add-bond br0 bond1 i1 i3
        add-bond br0 i1 i4 i5
        """)
