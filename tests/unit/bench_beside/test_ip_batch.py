from __future__ import annotations

from ip_batch import Group, down, up

from lab.bench.inputs import topology, topology_of


def lines(group: Group, *command: str) -> list[str]:
    return [line for argv, text in group if [*argv] == [*command] for line in text.splitlines()]


def test_two_nodes_of_a_network_share_a_pair() -> None:
    group = up(topology("three"))
    assert lines(group, "ip", "-batch", "-") == [
        "netns add client",
        "netns add gateway",
        "netns add server",
        "link add name lan netns client type veth peer name lan netns gateway",
        "link add name dmz netns gateway type veth peer name dmz netns server",
    ]
    assert lines(group, "ip", "-n", "client", "-batch", "-") == [
        "link set lo up",
        "address add 10.1.0.2/24 dev lan",
        "link set lan up",
        "route add default via 10.1.0.1",
    ]
    assert (["ip", "netns", "exec", "gateway", "sysctl", "-qw", "net.ipv4.ip_forward=1"], "") in group


def test_more_nodes_of_a_network_share_a_bridge() -> None:
    group = up(topology_of(11))
    bridge = lines(group, "ip", "-n", "bridge-net0", "-batch", "-")
    assert bridge[:2] == ["link add name bridge type bridge", "link set bridge up"]
    assert bridge[2:] == [f"link set port{number} master bridge up" for number in range(10)]
    assert "bridge-net1" not in str(group)


def test_each_name_that_is_added_is_deleted() -> None:
    many = topology_of(30)
    added = [line.split()[2] for line in lines(up(many), "ip", "-batch", "-") if line.startswith("netns add")]
    deleted = [line.split()[2] for line in lines(down(many), "ip", "-batch", "-")]
    assert added == deleted
    assert len(added) == 30 + 4
