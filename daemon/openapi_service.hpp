// SPDX-License-Identifier: Apache-2.0
// The operations about the service itself as the OpenAPI document describes them. Front only;
// constant data. See the head of daemon/openapi_containers.hpp.
#pragma once

#include <array>
#include "daemon/openapi_schema.hpp"

namespace dc::daemon::api {

inline constexpr std::string_view kService = "Service";

inline constexpr auto kCheckFields = std::to_array<Property>({
    {"status", json(R"("type":"string","enum":["healthy","degraded","unhealthy","unknown"])"), "",
     true},
    {"message", text(), "", true},
});
inline constexpr Schema kCheckSchema{"HealthCheck", "One part of the health.", kCheckFields};

inline constexpr auto kChecksFields = std::to_array<Property>({
    {"docker", reference_to(kCheckSchema), "Whether the Docker Engine answers", true},
    {"disk", reference_to(kCheckSchema), "Free space where Docker keeps its data", true},
    {"policy", reference_to(kCheckSchema), "Whether the newest policy file is in force", true},
});
inline constexpr Schema kChecksSchema{"HealthChecks", "", kChecksFields};

inline constexpr auto kHealthFields = std::to_array<Property>({
    {"status", json(R"("type":"string","enum":["healthy","degraded","unhealthy"])"), "", true},
    {"timestamp", json(R"("type":"string","format":"date-time")"), "When this was said", true},
    {"checks", reference_to(kChecksSchema), "", true},
});
inline constexpr Schema kHealthSchema{"Health", "", kHealthFields};

inline constexpr Documentation kHealth{
    .tag = kService,
    .summary = "How the service is",
    .text = "What it last heard, so that asking costs nothing.",
    .success = {&kHealthSchema,
                R"({"status":"healthy","timestamp":"2026-01-22T10:00:00Z","checks":{)"
                R"("docker":{"status":"healthy","message":"Docker answers"},)"
                R"("disk":{"status":"healthy","message":"Enough free space"},)"
                R"("policy":{"status":"healthy","message":"The policy is in force"}}})"},
};

inline constexpr auto kAliveFields =
    std::to_array<Property>({{"status", json(R"("type":"string","const":"alive")"), "", true}});
inline constexpr Schema kAliveSchema{"Alive", "", kAliveFields};

inline constexpr Documentation kLivez{
    .tag = kService,
    .summary = "Whether the service answers at all",
    .success = {&kAliveSchema, R"({"status":"alive"})"},
};

inline constexpr auto kReadyFields =
    std::to_array<Property>({{"status", json(R"("type":"string","const":"ready")"), "", true}});
inline constexpr Schema kReadySchema{"Ready", "", kReadyFields};
inline constexpr auto kUnavailable = std::to_array<int>({503});

inline constexpr Documentation kReadyz{
    .tag = kService,
    .summary = "Whether the Docker Engine answers",
    .success = {&kReadySchema, R"({"status":"ready"})"},
    .statuses = kUnavailable,
};

// --- log files of the host -----------------------------------------------------------------------

inline constexpr auto kServiceLogFields = std::to_array<Property>({
    {"content", text(), "Its last lines", true},
    {"file", text(), "Its path on the host", true},
});
inline constexpr Schema kServiceLogSchema{"ServiceLog", "", kServiceLogFields};
inline constexpr auto kTailParameters = std::to_array<Parameter>({
    {"tail", integer(0, limits::kServiceLogLines, "500"), "Lines from the end"},
});
inline constexpr auto kNoFile = std::to_array<int>({404});
inline constexpr Success kServiceLog{
    &kServiceLogSchema, R"({"content":"started\n","file":"/var/log/docker-control.log"})"};
inline constexpr std::string_view kServiceLogText =
    "A file that the configuration names; 503 where it names none, 404 where it is not there.";

inline constexpr Documentation kReadServiceLog{
    .id = "service.logs.service",
    .tag = kService,
    .summary = "The end of the service's log file",
    .text = kServiceLogText,
    .parameters = kTailParameters,
    .success = kServiceLog,
    .statuses = kNoFile,
};
inline constexpr Documentation kReadStartupLog{
    .id = "service.logs.startup",
    .tag = kService,
    .summary = "The end of the start-up log file",
    .text = kServiceLogText,
    .parameters = kTailParameters,
    .success = kServiceLog,
    .statuses = kNoFile,
};
inline constexpr Documentation kReadModelLog{
    .id = "service.logs.fastapi",
    .tag = kService,
    .summary = "The end of the model runs' log file",
    .text = kServiceLogText,
    .parameters = kTailParameters,
    .success = kServiceLog,
    .statuses = kNoFile,
};

// --- metrics -------------------------------------------------------------------------------------

inline constexpr Documentation kMetrics{
    .tag = kService,
    .summary = "Metrics for Prometheus",
    .text = "Text format 0.0.4. No token is needed where the configuration makes it public.",
    .success = {nullptr, "docker_control_engine_up 1\n", "text/plain"},
};

// --- policy --------------------------------------------------------------------------------------

inline constexpr auto kQuestionFields = std::to_array<Property>({
    {"operation", text(),
     "Such as `containers.run`; the operationId where an operation has several routes", true},
    {"path", text(), "What the part of the path in braces would be: a container, an image"},
    {"query", object(), "Parameters of the query"},
    {"request", object(), "The body; of a request without one, more parameters of the query"},
});
inline constexpr Schema kQuestionSchema{"Question", "A request that is not made.", kQuestionFields,
                                        true};

inline constexpr auto kVerdictFields = std::to_array<Property>({
    {"code", text(), "Of a refusal: the same as the request's own answer would have"},
    {"detail", text(), "Likewise"},
    {"hint", text(), "Likewise"},
    {"rule", text(), "The key of the policy file that decides"},
    {"wanted", text(),
     "What that key would need, in TOML; of reserved_names the entry that is in the way"},
});
inline constexpr Schema kRefusalSchema{"Refusal", "", kVerdictFields};
inline constexpr auto kExplanationFields =
    std::to_array<Property>({
        {"status", kSuccessStatus, "", true},
        {"service", text(), "The caller", true},
        {"operation", text(), "", true},
        {"verdict", json(R"("type":"string","enum":["allowed","refused"])"), "", true},
        {"would_refuse", list_of(kRefusalSchema),
         "What the profile's mode lets pass and `enforce` would refuse"},
        {"request", object(),
         "What was understood, values of variables masked; of an allowed request with the policy's "
         "defaults"},
        {"capabilities", array_of_text(), "What the container would have in the end"},
    }) +
    kVerdictFields;
inline constexpr Schema kExplanationSchema{"Explanation", "", kExplanationFields};

inline constexpr Documentation kExplain{
    .tag = kService,
    .summary = "Whether the policy would allow a request, and why not",
    .text =
        "Judges the request for the caller, as making it would, and does nothing. What only "
        "the Docker Engine knows is left out: whose a container is, quotas, what is on the "
        "host's disk.",
    .body = &kQuestionSchema,
    .body_example = R"({"operation":"containers.run","request":{"image":"alpine:3.20"}})",
    .success = {&kExplanationSchema,
                R"({"status":"success","service":"backend","operation":"containers.run",)"
                R"("verdict":"refused","code":"image_not_allowed",)"
                R"("detail":"Image not in allowed list","hint":"add \"alpine:\" to images of )"
                R"([service.backend] in the policy file","rule":"images",)"
                R"("wanted":"\"alpine:\"","request":{"image":"docker.io/library/alpine:3.20"}})"},
};

}  // namespace dc::daemon::api
