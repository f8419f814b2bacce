# SPDX-License-Identifier: GPL-2.0-or-later
"""
contrib/kubernetes/runtimeclass.yaml is what Kubernetes takes, and its handler is what contrib/engines/setup tells containerd.

kubectl has no schema of its own: it asks a server for it. The models of Kubernetes' client for Python are made of the same.
"""
import copy
import json
import pathlib
import re
import types

import pytest
import yaml
from containerd import TOP, Error
from kubernetes import client
from kubernetes.utils.quantity import parse_quantity
from test_node import processes, tell

TEXT = (TOP / "contrib/kubernetes/runtimeclass.yaml").read_text()
CLASS = yaml.safe_load(TEXT)


def understood(document):
    """All of it that has a meaning, as it would be sent. What is missing is a ValueError."""
    api = client.ApiClient()
    return api.sanitize_for_serialization(api.deserialize(types.SimpleNamespace(data=json.dumps(document)), "V1RuntimeClass"))


def test_kubernetes_takes_it():
    assert (CLASS["apiVersion"], CLASS["kind"]) == ("node.k8s.io/v1", "RuntimeClass")
    assert understood(CLASS) == CLASS
    assert all(parse_quantity(q) > 0 for q in CLASS["overhead"]["podFixed"].values())


def test_kubernetes_takes_what_the_comment_adds():
    added = yaml.safe_load(TEXT.replace("# scheduling:", "scheduling:").replace("#   nodeSelector:", "  nodeSelector:").replace(
        '#     orlop: "yes"', '    orlop: "yes"'))
    assert added["scheduling"] == {"nodeSelector": {"orlop": "yes"}} and understood(added) == added


@pytest.mark.parametrize("change", [{"overhed": {}}, {"overhead": {"podFixd": {"memory": "1Mi"}}}, {"scheduling": {"nodeSelectr": {}}},
                                    {"handler": 5}, {"handler": None}])
def test_what_it_would_not_take_is_seen(change):
    try:
        assert understood(CLASS | change) != CLASS | change
    except ValueError:
        assert change == {"handler": None}


def _pss(pid):
    return int(re.search(r"(?m)^Pss: +(\d+) kB", pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text())[1])


def test_handler(containerd):
    """containerd knows it by this name, and by no other."""
    config = {"metadata": {"name": "class", "uid": "class", "namespace": "default"},
              "linux": {"security_context": {"namespace_options": {"network": 2}}}}
    cri = containerd.cri
    with pytest.raises(Error, match="no runtime for"):
        cri.RunPodSandbox(config=copy.deepcopy(config), runtime_handler="orlopp")
    pod = cri.RunPodSandbox(config=config, runtime_handler=CLASS["handler"])["pod_sandbox_id"]
    status = cri.PodSandboxStatus(pod_sandbox_id=pod, verbose=True)
    assert status["status"]["runtime_handler"] == "orlop"
    assert json.loads(status["info"]["info"])["runtimeHandler"] == "orlop"
    own = json.loads(status["info"]["info"])["pid"]
    shim = next(pid for pid, argv in processes().items() if "shim" in argv[0] and pod in argv)
    tell("a pod without containers", **{f"{what}_kib": _pss(pid) for what, pid in (("shim", shim), ("pod", own))})
    cri.StopPodSandbox(pod_sandbox_id=pod)
    cri.RemovePodSandbox(pod_sandbox_id=pod)
