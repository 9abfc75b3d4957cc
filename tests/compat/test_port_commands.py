# SPDX-License-Identifier: Apache-2.0
"""Port, bond, controller, manager and TLS commands behave as in ovs-vsctl."""


def test_ports(pair):
    pair.check_all("""
        add-port br0 p1
        add-br br0
        add-port br0 p1
        add-port br0 p2 tag=7
        add-port br0 p3 tag=7 vlan_mode=native-tagged trunks=1,2
        add-port br0 p4 tag=x
        add-port br0 p4 nosuch=1
        add-port br0 p4 external_ids:a=b other_config:c=d
        list-ports br0
        list-ifaces br0
        port-to-br p1
        port-to-br br0
        port-to-br nosuch
        iface-to-br p1
        iface-to-br br0
        iface-to-br nosuch
        get port p3 tag vlan_mode trunks
        get port p4 external_ids other_config
        show
        --may-exist add-port br0 p1
        --may-exist add-port br0 p1 tag=3
        get port p1 tag
        add-br br1
        --may-exist add-port br1 p1
        del-port br1 p1
        del-port br0
        --if-exists del-port br0
        del-port nosuch
        --if-exists del-port nosuch
        del-port br0 p1
        del-port p2
        --with-iface del-port p3
        --with-iface del-port p3
        --if-exists --with-iface del-port p3
        list-ports br0
        del-port nosuch p4
        del-port
        del-port a b c
        """)
    pair.check("add-port", "br0", "")


def test_bonds(pair):
    pair.check_all("""
        add-br br0
        add-bond br0 bond0 i1
        add-bond br0 bond0 i1 tag=5
        add-bond br0 bond0 i1 i2 lacp=active
        --fake-iface add-bond br0 bond1 i3 i4
        get port bond0 lacp bond_fake_iface
        get port bond1 lacp bond_fake_iface
        --may-exist add-bond br0 bond0 i1 i2
        --may-exist add-bond br0 bond0 i2 i1
        --may-exist add-bond br0 bond0 i1 i5
        list-ports br0
        list-ifaces br0
        iface-to-br i3
        add-bond-iface bond0 i6
        add-bond-iface bond0 i3
        --may-exist add-bond-iface bond0 i6
        --may-exist add-bond-iface bond0 i3
        add-bond-iface nosuch i9
        list-ifaces br0
        del-bond-iface bond1 i6
        del-bond-iface bond0 i6
        del-bond-iface i2
        del-bond-iface i1
        del-bond-iface nosuch
        --if-exists del-bond-iface nosuch
        list-ifaces br0
        --with-iface del-port i1
        del-port i3
        list-ports br0
        """)


def test_controllers_and_fail_mode(pair):
    pair.check_all("""
        add-br br0
        get-controller br0
        set-controller br0 tcp:192.0.2.1 ssl:192.0.2.2:6653
        get-controller br0
        show
        --inactivity-probe=500 set-controller br0 tcp:192.0.2.3
        --columns=target,inactivity_probe list controller
        set controller br0 max_backoff=1000
        set-controller br0 nonsense
        get-controller br0
        del-controller br0
        get-controller br0
        del-controller br0
        set-controller br0
        get-fail-mode br0
        set-fail-mode br0 secure
        get-fail-mode br0
        set-fail-mode br0 other
        show
        del-fail-mode br0
        get-fail-mode br0
        get-fail-mode nosuch
        """)


def test_managers(pair):
    pair.check_all("""
        get-manager
        set-manager tcp:192.0.2.1:6640 ptcp:6640:127.0.0.1
        get-manager
        --inactivity-probe=700 set-manager tcp:192.0.2.1:6640
        --columns=target,inactivity_probe list manager
        show
        set-manager nonsense
        del-manager
        get-manager
        del-manager
        set-manager
        """)


def test_tls(pair):
    pair.check_all("""
        get-ssl
        set-ssl key cert ca
        get-ssl
        --bootstrap set-ssl key2 cert2 ca2
        get-ssl
        set-ssl key
        del-ssl
        get-ssl
        del-ssl
        """)


def test_emergency_reset(pair):
    pair.check_all("""
        add-br br0
        add-port br0 p1
        set-controller br0 tcp:192.0.2.1
        set-manager ptcp:6640
        set-fail-mode br0 secure
        set bridge br0 other_config:hwaddr=02:00:00:00:00:01 other_config:x=y flood_vlans=3
        set port p1 other_config:a=b
        set interface p1 ingress_policing_rate=100 ingress_policing_burst=10
        -- --id=@m create mirror name=m0 -- set bridge br0 mirrors=@m
        -- --id=@n create netflow targets="192.0.2.9:5000" -- set bridge br0 netflow=@n
        emer-reset
        list-br
        list-ports br0
        get-controller br0
        get-manager
        get bridge br0 other_config flood_vlans mirrors netflow fail_mode
        get port p1 other_config
        get interface p1 ingress_policing_rate ingress_policing_burst
        list mirror
        list netflow
        show
        """)
