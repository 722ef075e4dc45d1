// SPDX-License-Identifier: Apache-2.0
// The container operations as the OpenAPI document describes them. Front only; constant data. What
// bodies hold is what the builders of daemon/normalize.hpp take, what answers hold is what
// daemon/render.cpp makes; tests/e2e/test_openapi.py compares them with the running service.
#pragma once

#include <array>
#include "daemon/openapi_schema.hpp"

namespace dc::daemon::api {

inline constexpr std::string_view kContainers = "Containers";

inline constexpr Parameter kContainerParameter{"id", text(limits::kContainerRef),
                                               "A name, a full id or an unambiguous prefix of one",
                                               R"("my_model")"};
inline constexpr auto kOneContainer = std::to_array<Parameter>({kContainerParameter});
inline constexpr auto kConflict = std::to_array<int>({409});
inline constexpr auto kNotFoundOrConflict = std::to_array<int>({404, 409});

// --- run -----------------------------------------------------------------------------------------

inline constexpr Type kWords =
    json(R"("oneOf":[{"type":"string"},{"type":"array","items":{"type":"string"}}])");
inline constexpr Type kPairs =
    json(R"("oneOf":[{"type":"object","additionalProperties":{"type":"string"}},)"
         R"({"type":"array","items":{"type":"string"}}])");

inline constexpr auto kRestartFields = std::to_array<Property>({
    {"Name", json(R"("type":"string","enum":["","no","on-failure","always","unless-stopped"])"),
     ""},
    {"MaximumRetryCount", integer(0, limits::kRestartRetries), "With on-failure only"},
});
inline constexpr Schema kRestartSchema{"RestartPolicy", "", kRestartFields, true};

inline constexpr Type kVolumes =
    json(R"("oneOf":[{"type":"object","additionalProperties":{"oneOf":[{"type":"string"},)"
         R"({"type":"object","properties":{"bind":{"type":"string"},)"
         R"("mode":{"type":"string","enum":["ro","rw"]}},"required":["bind"]}]}},)"
         R"({"type":"array","items":{"type":"string"}}])");
inline constexpr Type kTextsOrNumbers =
    json(R"("type":"array","items":{"oneOf":[{"type":"string"},{"type":"integer"}]})");
inline constexpr Type kObjects = json(R"("type":"array","items":{"type":"object"})");

inline constexpr auto kRunFields = std::to_array<Property>({
    {"image", text(limits::kImageReference),
     "Image reference. It is pulled first where it is missing.", true},
    {"name", text(limits::kName), "Docker makes a name up where it is absent"},
    {"command", kWords, "A list of words, or one string that is split as a shell would"},
    {"entrypoint", kWords, "The same, in place of the image's entry point"},
    {"environment", kPairs, "Variables, as an object or as a list of `KEY=VALUE`"},
    {"ports",
     json(R"("type":"object","additionalProperties":{"oneOf":[{"type":"null"},)"
          R"({"type":"integer"},{"type":"string"},{"type":"array"}]})"),
     "Ports of the container and where to publish them: `\"8000/tcp\": 7001`, a list of host "
     "ports, or null for any free one. A key without a protocol means tcp."},
    {"volumes", kVolumes,
     "Places of the host, or volumes by name, and where to mount them: `{source: target}`, "
     "`{source: {\"bind\": target, \"mode\": \"ro\"}}` or `[\"source:target:ro\"]`. A source has "
     "to be there already; without a mode it is the policy's."},
    {"tmpfs", kPairs,
     "File systems in memory: `{target: \"size=64m,mode=1777\"}`. Always noexec, nosuid and "
     "nodev."},
    {"devices", array_of_text(),
     "`/dev/x` or `/dev/x:/dev/x:rw`. A directory stands for the devices in it that the policy "
     "lists; the path inside is the host's, and `m` is never given."},
    {"device_requests", kObjects,
     "GPUs: `[{\"Driver\": \"nvidia\", \"Count\": 1, \"Capabilities\": [[\"gpu\"]]}]`, -1 for all"},
    {"cap_add", array_of_text(),
     "Capabilities, with or without CAP_, as far as the policy lists them"},
    {"cap_drop", array_of_text(), "Capabilities to do without"},
    {"network", text(limits::kName), "Network to join; the default bridge where it is absent"},
    {"dns", array_of_text(), "Addresses of name servers"},
    {"extra_hosts", kPairs, "Lines of /etc/hosts: `{name: address}` or `[\"name:address\"]`"},
    {"hostname", text(limits::kName), ""},
    {"user", kAnySize, "user, uid, user:group or uid:gid"},
    {"group_add", kTextsOrNumbers, "Groups besides the user's own"},
    {"working_dir", text(limits::kPath), "Absolute path inside the container"},
    {"labels", kPairs, "Outside our own name space `docker-control.`"},
    {"healthcheck", object(),
     "`{\"test\": [\"CMD\", \"true\"], \"interval\": 30000000000}`: test, interval, timeout, "
     "start_period and retries, times in nanoseconds. What is absent is the image's."},
    {"stop_signal", kAnySize, "A signal's name or number"},
    {"stop_timeout", integer(0, limits::kStopTimeout), "Seconds until it is killed"},
    {"log_config", object(),
     "`{\"Type\": \"json-file\", \"Config\": {\"max-size\": \"10m\", \"max-file\": \"3\"}}`"},
    {"tty", boolean("false"), "A terminal; its output comes as one stream"},
    {"stdin_open", boolean("false"), "Its standard input stays open"},
    {"detach", boolean("true"), "False: wait for its end, and answer with its output too"},
    {"auto_remove", boolean("false"), "Remove the container when it ends"},
    {"init", boolean("false"), "An init process that reaps children and passes signals on"},
    {"read_only", boolean("false"), "A root file system that cannot be written to"},
    {"privileged", json(R"("type":"boolean","const":false)"), "True is always refused"},
    {"mem_limit", kAnySize, "Bytes, or a text such as `512m` or `32G`"},
    {"memswap_limit", kAnySize, "Memory and swap together; without it there is no swap"},
    {"shm_size", kAnySize, "Size of /dev/shm, written like mem_limit"},
    {"ulimits", kObjects,
     "`[{\"Name\": \"nofile\", \"Soft\": 1024, \"Hard\": 2048}]`, -1 for no limit"},
    {"cpus", json(R"("type":"number","minimum":0)"), "Processors, for instance 1.5"},
    {"nano_cpus", integer(0, 0), "The same in billionths"},
    {"pids_limit", integer(0, 0), "Processes and threads at most"},
    {"restart_policy",
     json(R"("oneOf":[{"type":"string"},{"$ref":"#/components/schemas/RestartPolicy"}])",
          kRestartSchema),
     "As far as the policy allows it"},
    {"pull", json(R"("type":"string","enum":["missing","always","never"])"),
     "Whether to pull the image first; where it is missing, without it"},
});
inline constexpr Schema kRunSchema{
    "RunRequest",
    "A container to make and start. Limits that are absent get the policy's defaults. A field that "
    "is null, false, 0 or empty is the same as one that is absent, except for `detach` false, "
    "`user` "
    "0 and `stop_timeout` 0; an unknown one is refused by name.",
    kRunFields, true};

inline constexpr auto kStartedFields =
    kSuccessFields + std::to_array<Property>({
                         {"container_id", text(), "", true},
                         {"container_name", text(), "", true},
                         {"port_bindings", object(), "Docker's `HostConfig.PortBindings`", true},
                         {"id", text(), "The same as container_id", true},
                         {"name", text(), "The same as container_name", true},
                         {"exit_code", integer(0, 0), "With `detach: false`"},
                         {"logs", text(), "With `detach: false`: its output"},
                         {"logs_truncated", json(R"("type":"boolean","const":true)"),
                          "Only the end of the output was kept"},
                     });
inline constexpr Schema kStartedSchema{"Started", "It runs, or has run.", kStartedFields};

inline constexpr Documentation kRunContainer{
    .tag = kContainers,
    .summary = "Run a new container",
    .text =
        "Makes a container and starts it, or does nothing: any failure on the way removes what "
        "was made. What the policy does not allow is refused before Docker is asked.",
    .body = &kRunSchema,
    .body_example = R"({"image":"tenstorrent/model:latest","name":"my_model",)"
                    R"("ports":{"8000/tcp":7001},"network":"tt_studio_network",)"
                    R"("environment":{"MODEL_TYPE":"llm"}})",
    .success = {&kStartedSchema,
                R"({"status":"success","container_id":"8f1c","container_name":"my_model",)"
                R"("port_bindings":{"8000/tcp":[{"HostIp":"127.0.0.1","HostPort":"7001"}]},)"
                R"("id":"8f1c","name":"my_model"})"},
    .statuses = kNotFoundOrConflict,
};

// --- list, get ---------------------------------------------------------------------------------

inline constexpr auto kItemFields = std::to_array<Property>({
    {"id", text(), "Full id", true},
    {"name", text(), "", true},
    {"status", text(), "running, exited, created, paused, restarting, removing or dead", true},
    {"image", text(), "Its first tag, or else its short id", true},
    {"image_tags", array_of_text(), "", true},
    {"attrs", object(), "Docker's inspect document, as far as the caller may see it", true},
    {"Config", object(), "From attrs, as are the next ones", true},
    {"NetworkSettings", object(), "", true},
    {"HostConfig", object(), "", true},
    {"environment", array_of_text(), "Config.Env", true},
});
inline constexpr Schema kItemSchema{"ContainerItem", "", kItemFields};

inline constexpr auto kListFields =
    kSuccessFields + std::to_array<Property>({{"containers", list_of(kItemSchema), "", true}});
inline constexpr Schema kListSchema{"ContainerList", "", kListFields};

inline constexpr auto kContainerFields =
    kItemFields + std::to_array<Property>({
                      {"created", json(R"("type":["string","null"])"), "", true},
                      {"ports", object(), "Published ports, from NetworkSettings", true},
                      {"networks", array_of_text(), "Names of its networks", true},
                  });
inline constexpr Schema kContainerSchema{"Container", "", kContainerFields};

inline constexpr auto kListParameters = std::to_array<Parameter>({
    {"all", boolean("false"), "Those that do not run too"},
    {"name", text(), "Only those whose name contains this"},
    {"label", text(), "Only those with this label: `key` or `key=value`"},
    {"status",
     json(R"("type":"string","enum":["created","running","paused",)"
          R"("restarting","removing","exited","dead"])"),
     "Only those in this state"},
    {"filters", text(), "A JSON object of name, label and status with lists of values",
     R"("{\"status\":[\"running\"]}")"},
});

inline constexpr Documentation kListContainers{
    .tag = kContainers,
    .summary = "List containers",
    .text = "Those that the policy lets the service see.",
    .parameters = kListParameters,
    .success = {&kListSchema, R"({"status":"success","containers":[]})"},
};

inline constexpr Documentation kInspectContainer{
    .tag = kContainers,
    .summary = "Show one container",
    .parameters = kOneContainer,
    .success = {&kContainerSchema,
                R"({"id":"8f1c","name":"my_model","status":"running",)"
                R"("image":"tenstorrent/model:latest","image_tags":["tenstorrent/model:latest"],)"
                R"("attrs":{},"Config":{},"NetworkSettings":{},"HostConfig":{},)"
                R"("environment":["MODEL_TYPE=llm"],"created":"2026-01-22T10:00:00.0Z",)"
                R"("ports":{},"networks":["tt_studio_network"]})"},
};

// --- start, stop, restart, remove ----------------------------------------------------------------

inline constexpr Success kDone{&kSuccessSchema, R"({"status":"success"})"};

inline constexpr Documentation kStartContainer{
    .tag = kContainers,
    .summary = "Start a stopped container",
    .text = "One that runs already is a success.",
    .parameters = kOneContainer,
    .body = &kNothingSchema,
    .success = kDone,
    .statuses = kConflict,
};

inline constexpr auto kTimeoutFields = std::to_array<Property>({
    {"timeout", integer(0, limits::kStopTimeout, "10"), "Seconds until it is killed"},
});
inline constexpr Schema kTimeoutSchema{"StopRequest", "", kTimeoutFields, true};

inline constexpr Documentation kStopContainer{
    .tag = kContainers,
    .summary = "Stop a container",
    .text = "One that has ended already is a success.",
    .parameters = kOneContainer,
    .body = &kTimeoutSchema,
    .body_example = R"({"timeout":10})",
    .success = kDone,
    .statuses = kConflict,
};

inline constexpr Documentation kRestartContainer{
    .tag = kContainers,
    .summary = "Stop and start a container",
    .parameters = kOneContainer,
    .body = &kTimeoutSchema,
    .body_example = R"({"timeout":10})",
    .success = kDone,
    .statuses = kConflict,
};

inline constexpr auto kRemoveFields = std::to_array<Property>({
    {"force", boolean("false"), "One that runs too"},
    {"v", boolean("false"), "Its anonymous volumes too"},
});
inline constexpr Schema kRemoveSchema{"RemoveRequest", "", kRemoveFields, true};
inline constexpr auto kRemoveParameters = std::to_array<Parameter>({
    kContainerParameter,
    {"force", boolean("false"), "The same as in the body; the two must not disagree"},
    {"v", boolean("false"), "The same as in the body; the two must not disagree"},
});

inline constexpr Documentation kRemoveContainer{
    .tag = kContainers,
    .summary = "Remove a container",
    .parameters = kRemoveParameters,
    .body = &kRemoveSchema,
    .body_example = R"({"force":true})",
    .success = kDone,
    .statuses = kConflict,
};

// --- rename, wait, stats, logs, dir-size ---------------------------------------------------------

inline constexpr auto kRenameParameters = std::to_array<Parameter>({
    kContainerParameter,
    {"new_name", text(limits::kName), "", R"("my_other_model")", true},
});

inline constexpr Documentation kRenameContainer{
    .tag = kContainers,
    .summary = "Rename a container",
    .parameters = kRenameParameters,
    .body = &kNothingSchema,
    .success = {&kMessageSchema,
                R"({"status":"success","message":"Container renamed to my_other_model"})"},
    .statuses = kConflict,
};

inline constexpr auto kExitFields =
    kSuccessFields + std::to_array<Property>({{"exit_code", integer(0, 0), "", true}});
inline constexpr Schema kExitSchema{"Exit", "It has ended.", kExitFields};

inline constexpr Documentation kWaitContainer{
    .tag = kContainers,
    .summary = "Wait for a container's end",
    .text = "For an hour at most. One that has ended already answers at once.",
    .parameters = kOneContainer,
    .body = &kNothingSchema,
    .success = {&kExitSchema, R"({"status":"success","exit_code":0})"},
    .statuses = kConflict,
};

inline constexpr auto kStatsFields =
    kSuccessFields +
    std::to_array<Property>({{"stats", object(), "As the Docker Engine gives it", true}});
inline constexpr Schema kStatsSchema{"Stats", "", kStatsFields};

inline constexpr Documentation kReadStats{
    .tag = kContainers,
    .summary = "What a container uses",
    .text = "One snapshot of processor, memory, network and disk.",
    .parameters = kOneContainer,
    .success = {&kStatsSchema,
                R"({"status":"success","stats":{"memory_stats":{"usage":1048576}}})"},
};

inline constexpr auto kLogParameters = std::to_array<Parameter>({
    kContainerParameter,
    {"follow", boolean("true"), "Go on until the container ends"},
    {"tail", text(0, R"("100")"), "Lines from the end, or `all`", R"("100")"},
    {"since", text(),
     "Only from this time on: seconds since the epoch, with a fraction or without"},
    {"until", text(), "Only up to this time"},
    {"timestamps", boolean("false"), "Put Docker's time before each line"},
    {"stdout", boolean("true"), ""},
    {"stderr", boolean("true"), ""},
});

inline constexpr Documentation kReadLogs{
    .tag = kContainers,
    .summary = "The output of a container",
    .text =
        "Server-sent events, one for each line that is not empty. The data of each is "
        "`{\"type\", \"message\", \"timestamp\", \"raw\"}`; type is error, warning, event or "
        "log.",
    .parameters = kLogParameters,
    .success = {nullptr,
                "retry: 1000\n\ndata: {\"type\":\"event\",\"message\":\"Server started\","
                "\"timestamp\":\"2026-01-22 10:00:00\",\"raw\":true}\n\n",
                "text/event-stream"},
};

inline constexpr auto kMeasureFields = std::to_array<Property>({
    {"path", text(limits::kPath), "Absolute path inside the container", true},
    {"timeout", json(R"("type":"number")", "4.0"), "Seconds, between 0.1 and 10"},
});
inline constexpr Schema kMeasureSchema{"DirSizeRequest", "", kMeasureFields, true};
inline constexpr auto kBytesFields =
    kSuccessFields + std::to_array<Property>({{"bytes", integer(0, 0), "", true}});
inline constexpr Schema kBytesSchema{"DirSize", "", kBytesFields};

inline constexpr Documentation kMeasureDirectory{
    .tag = kContainers,
    .summary = "The size of a directory",
    .text = "Counts the bytes below a path of a running container; none there is 0.",
    .parameters = kOneContainer,
    .body = &kMeasureSchema,
    .body_example = R"({"path":"/tmp","timeout":4.0})",
    .success = {&kBytesSchema, R"({"status":"success","bytes":4096})"},
    .statuses = kConflict,
};

}  // namespace dc::daemon::api
