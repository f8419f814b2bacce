# SPDX-License-Identifier: GPL-2.0-or-later
"""
As much of the Container Runtime Interface (runtime.v1 of k8s.io/cri-api) as a kubelet needs for pods and containers.

    cri = Client("/run/containerd/containerd.sock")
    cri.RunPodSandbox(config={"metadata": {"name": "p"}}, runtime_handler="orlop")     -> {"pod_sandbox_id": "..."}

MESSAGES has the members that are used here, by number and type: a scalar, another message, [type] for a list,
(key, value) for a map. What is not there is skipped in answers and a KeyError in requests.
"""
import grpc

SERVICE = "runtime.v1.RuntimeService"
STRING, BYTES, INT, BOOL = "string", "bytes", "int", "bool"

MESSAGES = {
    "Value": {"value": (1, INT)},
    "IDMapping": {"host_id": (1, INT), "container_id": (2, INT), "length": (3, INT)},
    "UserNamespace": {"mode": (1, INT), "uids": (2, ["IDMapping"]), "gids": (3, ["IDMapping"])},
    "NamespaceOption": {"network": (1, INT), "pid": (2, INT), "ipc": (3, INT), "target_id": (4, STRING),
                        "userns_options": (5, "UserNamespace")},
    "SecurityProfile": {"profile_type": (1, INT), "localhost_ref": (2, STRING)},
    "SandboxSecurity": {"namespace_options": (1, "NamespaceOption"), "run_as_user": (3, "Value"), "readonly_rootfs": (4, BOOL),
                        "privileged": (6, BOOL), "seccomp": (9, "SecurityProfile")},
    "LinuxPod": {"cgroup_parent": (1, STRING), "security_context": (2, "SandboxSecurity"), "sysctls": (3, (STRING, STRING))},
    "PodMetadata": {"name": (1, STRING), "uid": (2, STRING), "namespace": (3, STRING), "attempt": (4, INT)},
    "Dns": {"servers": (1, [STRING]), "searches": (2, [STRING])},
    "PodConfig": {"metadata": (1, "PodMetadata"), "hostname": (2, STRING), "log_directory": (3, STRING), "dns_config": (4, "Dns"),
                  "linux": (8, "LinuxPod")},
    "Image": {"image": (1, STRING)},
    "Env": {"key": (1, STRING), "value": (2, STRING)},
    "Mount": {"container_path": (1, STRING), "host_path": (2, STRING), "readonly": (3, BOOL), "propagation": (5, INT),
              "uidMappings": (6, ["IDMapping"]), "gidMappings": (7, ["IDMapping"]), "recursive_read_only": (8, BOOL)},
    "Resources": {"cpu_period": (1, INT), "cpu_quota": (2, INT), "cpu_shares": (3, INT), "memory_limit_in_bytes": (4, INT),
                  "oom_score_adj": (5, INT), "cpuset_cpus": (6, STRING), "cpuset_mems": (7, STRING), "unified": (9, (STRING, STRING)),
                  "memory_swap_limit_in_bytes": (10, INT)},
    "Capability": {"add_capabilities": (1, [STRING]), "drop_capabilities": (2, [STRING])},
    "Security": {"capabilities": (1, "Capability"), "privileged": (2, BOOL), "namespace_options": (3, "NamespaceOption"),
                 "run_as_user": (5, "Value"), "run_as_username": (6, STRING), "readonly_rootfs": (7, BOOL),
                 "supplemental_groups": (8, [INT]), "no_new_privs": (11, BOOL), "run_as_group": (12, "Value"),
                 "masked_paths": (13, [STRING]), "readonly_paths": (14, [STRING]), "seccomp": (15, "SecurityProfile"),
                 "apparmor": (16, "SecurityProfile")},
    "LinuxContainer": {"resources": (1, "Resources"), "security_context": (2, "Security")},
    "Metadata": {"name": (1, STRING), "attempt": (2, INT)},
    "Device": {"container_path": (1, STRING), "host_path": (2, STRING), "permissions": (3, STRING)},
    "Config": {"metadata": (1, "Metadata"), "image": (2, "Image"), "command": (3, [STRING]), "args": (4, [STRING]),
               "working_dir": (5, STRING), "envs": (6, ["Env"]), "mounts": (7, ["Mount"]), "devices": (8, ["Device"]),
               "log_path": (11, STRING), "stdin": (12, BOOL), "tty": (14, BOOL), "linux": (15, "LinuxContainer")},
    "Status": {"id": (1, STRING), "state": (3, INT), "exit_code": (7, INT), "reason": (10, STRING), "message": (11, STRING),
               "resources": (16, "ContainerResources")},
    "ContainerResources": {"linux": (1, "Resources")},
    "PodStatus": {"id": (1, STRING), "state": (3, INT), "network": (5, "PodNetwork"), "runtime_handler": (9, STRING)},
    "PodNetwork": {"ip": (1, STRING)},
    "Cpu": {"timestamp": (1, INT), "usage_core_nano_seconds": (2, "Value"), "usage_nano_cores": (3, "Value")},
    "Memory": {"timestamp": (1, INT), "working_set_bytes": (2, "Value"), "available_bytes": (3, "Value"), "usage_bytes": (4, "Value"),
               "rss_bytes": (5, "Value")},
    "Attributes": {"id": (1, STRING)},
    "Stats": {"attributes": (1, "Attributes"), "cpu": (2, "Cpu"), "memory": (3, "Memory")},
    "StatsFilter": {"id": (1, STRING), "pod_sandbox_id": (2, STRING)},
    "Process": {"process_count": (2, "Value")},
    "LinuxPodStats": {"cpu": (1, "Cpu"), "memory": (2, "Memory"), "process": (4, "Process"), "containers": (5, ["Stats"])},
    "PodStats": {"linux": (2, "LinuxPodStats")},
    "Features": {"recursive_read_only_mounts": (1, BOOL), "user_namespaces": (2, BOOL)},
    "Handler": {"name": (1, STRING), "features": (2, "Features")},
    "Condition": {"type": (1, STRING), "status": (2, BOOL), "message": (4, STRING)},
    "RuntimeStatus": {"conditions": (1, ["Condition"])},
    "LinuxRuntime": {"cgroup_driver": (1, INT)},
}
POD, CONTAINER = {"pod_sandbox_id": (1, STRING)}, {"container_id": (1, STRING)}

CALLS = {  # request, answer
    "Status": ({"verbose": (1, BOOL)}, {"status": (1, "RuntimeStatus"), "info": (2, (STRING, STRING)), "runtime_handlers": (3, ["Handler"])}),
    "RunPodSandbox": ({"config": (1, "PodConfig"), "runtime_handler": (2, STRING)}, POD),
    "StopPodSandbox": (POD, {}),
    "RemovePodSandbox": (POD, {}),
    "PodSandboxStatus": (POD | {"verbose": (2, BOOL)}, {"status": (1, "PodStatus"), "info": (2, (STRING, STRING))}),
    "PodSandboxStats": (POD, {"stats": (1, "PodStats")}),
    "CreateContainer": (POD | {"config": (2, "Config"), "sandbox_config": (3, "PodConfig")}, CONTAINER),
    "StartContainer": (CONTAINER, {}),
    "StopContainer": (CONTAINER | {"timeout": (2, INT)}, {}),
    "RemoveContainer": (CONTAINER, {}),
    "ContainerStatus": (CONTAINER | {"verbose": (2, BOOL)}, {"status": (1, "Status"), "info": (2, (STRING, STRING))}),
    "UpdateContainerResources": (CONTAINER | {"linux": (2, "Resources")}, {}),
    "ExecSync": (CONTAINER | {"cmd": (2, [STRING]), "timeout": (3, INT)}, {"stdout": (1, BYTES), "stderr": (2, BYTES), "exit_code": (3, INT)}),
    "ContainerStats": (CONTAINER, {"stats": (1, "Stats")}),
    "ListContainerStats": ({"filter": (1, "StatsFilter")}, {"stats": (1, ["Stats"])}),
    "CheckpointContainer": (CONTAINER | {"location": (2, STRING), "timeout": (3, INT)}, {}),
}


def varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7f:
        out.append(value & 0x7f | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def read_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7f) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def field(number, kind, value):
    if isinstance(kind, list):
        return b"".join(field(number, kind[0], v) for v in value)
    if isinstance(kind, tuple):
        entry = {"key": (1, kind[0]), "value": (2, kind[1])}
        return b"".join(field(number, entry, {"key": k, "value": v}) for k, v in value.items())
    if kind in (INT, BOOL):
        return varint(number << 3) + varint(int(value))
    if kind == STRING:
        value = value.encode()
    elif kind != BYTES:
        value = encode(kind, value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def members(kind):
    return kind if isinstance(kind, dict) else MESSAGES[kind]


def encode(kind, values):
    return b"".join(field(*members(kind)[name], value) for name, value in values.items())


def wire(data):
    """(number, value) of each field."""
    at = 0
    while at < len(data):
        tag, at = read_varint(data, at)
        if tag & 7 == 0:
            value, at = read_varint(data, at)
        elif tag & 7 == 2:
            size, at = read_varint(data, at)
            value, at = data[at:at + size], at + size
        else:
            size = {1: 8, 5: 4}[tag & 7]
            value, at = data[at:at + size], at + size
        yield tag >> 3, value


def scalar(kind, value):
    if kind == INT:
        return value - (1 << 64) if value >> 63 else value
    if kind == BOOL:
        return bool(value)
    if kind == BYTES:
        return value
    return value.decode() if kind == STRING else decode(kind, value)


def decode(kind, data):
    names = {number: (name, of) for name, (number, of) in members(kind).items()}
    empty = {STRING: "", BYTES: b"", INT: 0, BOOL: False}
    out = {name: [] if isinstance(of, list) else {} if isinstance(of, tuple) else empty.get(of) for name, of in names.values()}
    for number, value in wire(data):
        name, of = names.get(number, (None, None))
        if isinstance(of, list):
            out[name].append(scalar(of[0], value))
        elif isinstance(of, tuple):
            entry = decode({"key": (1, of[0]), "value": (2, of[1])}, value)
            out[name][entry["key"]] = entry["value"]
        elif name:
            out[name] = scalar(of, value)
    return out


class Error(Exception):
    def __init__(self, call, error):
        self.code, self.text = error.code().name, error.details()
        super().__init__(f"{call}: {self.code}: {self.text}")


class Client:
    def __init__(self, path):
        self.channel = grpc.insecure_channel(f"unix://{path}")

    def __getattr__(self, name):
        request, answer = CALLS[name]
        call = self.channel.unary_unary(f"/{SERVICE}/{name}", request_serializer=lambda values: encode(request, values),
                                        response_deserializer=lambda data: decode(answer, data))

        def ask(deadline=120, **values):
            try:
                return call(values, timeout=deadline)
            except grpc.RpcError as error:
                raise Error(name, error) from None
        return ask
