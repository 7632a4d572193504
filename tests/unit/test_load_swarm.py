import pytest

from harness.errors import UsageError
from harness.load import Httpx, Load, Swarm, read_locustfile
from harness.load.probes import Ask, Target

TARGET = Target("shop", 8080)
FILE = "from locust import HttpUser\n"


def commands(swarm):
    return {
        pod["metadata"]["name"]: " ".join(pod["spec"]["containers"][0]["command"]) for pod in swarm.pods(TARGET, "l:1")
    }


def test_workers_of_the_open_loop_share_the_rate_under_a_master():
    swarm = Swarm(workers=3, rate=600)
    made = commands(swarm)
    assert list(made) == ["load-master", "load-worker-0", "load-worker-1", "load-worker-2"]
    assert swarm.names == ["background-0", "background-1", "background-2"]
    assert "-f /opt/app/load/shopper.py --master --expect-workers 3 --headless" in made["load-master"]
    assert made["load-master"].endswith("-u 3 -r 3 --host http://shop:8080")
    assert made["load-worker-1"] == (
        "python3 -m load.background --probe background-1 --rate 600 --master load-master:5557 --workers 3"
        " --target shop:8080 --path / --expect-status 200"
    )


def test_the_master_is_found_by_its_name():
    swarm = Swarm(workers=2, rate=10)
    (service,) = swarm.before()
    master = swarm.pods(TARGET, "l:1")[0]
    assert service["spec"]["selector"].items() <= master["metadata"]["labels"].items()
    assert (service["metadata"]["name"], service["spec"]["clusterIP"]) == ("load-master", "None")
    assert all(pod["metadata"]["labels"]["app"] == "load" for pod in swarm.pods(TARGET, "l:1")[1:])


def test_a_users_file_goes_to_one_pod_by_a_config_map():
    swarm = Swarm(users=7, locustfile=FILE)
    (config,) = swarm.before()
    assert config["data"] == {"locustfile.py": FILE}
    (pod,) = swarm.pods(TARGET, "l:1")
    command = " ".join(pod["spec"]["containers"][0]["command"])
    assert command.startswith("python3 -m load.users --probe users --target shop:8080 -- -f /locust/locustfile.py")
    assert command.endswith("-u 7 -r 7 --host http://shop:8080")
    mounts = {one["mountPath"]: one["name"] for one in pod["spec"]["containers"][0]["volumeMounts"]}
    volumes = {one["name"]: one for one in pod["spec"]["volumes"]}
    assert volumes[mounts["/locust"]]["configMap"]["name"] == config["metadata"]["name"]
    assert volumes[mounts["/tmp"]]["emptyDir"] == {}


def test_a_users_file_on_several_workers():
    made = commands(Swarm(workers=2, users=7, locustfile=FILE))
    assert "-f /locust/locustfile.py --master --expect-workers 2" in made["load-master"]
    assert "-u 7 -r 7" in made["load-master"]
    assert made["load-worker-0"].endswith("-- -f /locust/locustfile.py --worker --master-host load-master")


def test_they_keep_away_from_the_pods_under_test():
    (pod,) = Swarm(locustfile=FILE).pods(TARGET, "l:1")
    assert pod["metadata"]["labels"]["survive.dev/speaks"] == "true"
    assert pod["spec"]["tolerations"][0]["key"] == "survive.dev/load"
    assert pod["spec"]["containers"][0]["securityContext"]["readOnlyRootFilesystem"]


@pytest.mark.parametrize("wrong", [{}, {"rate": 1, "workers": 0}, {"locustfile": "x", "users": 0}])
def test_what_it_needs(wrong):
    with pytest.raises(UsageError):
        Swarm(**wrong)


def test_a_file_too_large_for_a_config_map_is_told():
    with pytest.raises(UsageError, match="900,000"):
        Swarm(locustfile="#" * 900_001)


def test_a_file_that_cannot_be_read_is_told(tmp_path):
    with pytest.raises(UsageError, match="cannot read the locustfile"):
        read_locustfile(tmp_path / "absent.py")
    (tmp_path / "there.py").write_text(FILE)
    assert read_locustfile(tmp_path / "there.py") == FILE


def test_the_load_makes_them_instead_of_its_own_background():
    load = Load(None, None, "ns", service="shop", background_rate=20, swarm=Swarm(workers=2, rate=20))
    names = [pod["metadata"]["name"] for pod in load._pods]
    assert names == ["load", "load-master", "load-worker-0", "load-worker-1"]
    assert [one["name"] for one in load._pods[0]["spec"]["containers"]] == ["control", "service"]
    assert load._all == ["service", "control", "background-0", "background-1"]


def test_a_probe_by_httpx():
    asked = Httpx(http2=True).command(Target("shop", 443, Ask("/x", 204)), interval_ms=1, deadline_s=2)
    assert " ".join(asked) == (
        "python3 -m load.httpx_probe --probe https-http2 --role measure --url https://shop:443/x --expect-status 204"
        " --deadline-s 2 --interval-ms 5 --http2 --insecure"
    )
    kept = Httpx("http", connections=4, verify=True)
    assert kept.name == "http-kept"
    assert Httpx(named="service").name == "service"
    assert kept.command(TARGET, 10, 1)[-4:] == ["--mode", "keepalive", "--connections", "4"]
