import socket

from tests.sandbox.subnets import free_subnet


def test_a_network_in_which_somebody_listens_is_passed_over() -> None:
    free = int(free_subnet().removeprefix("127."))  # the next one is free, or somebody's already
    with socket.create_server((f"127.{free + 1}.1.10", 0)):
        assert free_subnet() != f"127.{free + 1}"
