// SPDX-License-Identifier: Apache-2.0
// The image operations as the OpenAPI document describes them. Front only; constant data. See the
// head of daemon/openapi_containers.hpp.
#pragma once

#include <array>
#include "daemon/openapi_schema.hpp"

namespace dc::daemon::api {

inline constexpr std::string_view kImages = "Images";

inline constexpr auto kNotFound = std::to_array<int>({404});

// --- pull --------------------------------------------------------------------------------------

inline constexpr auto kLoginFields = std::to_array<Property>({
    {"username", text(256), "", true},
    {"password", text(limits::kPassword), "Or a token of the registry", true},
    {"serveraddress", text(256), "The registry; that of the image where it is absent"},
});
inline constexpr Schema kLoginSchema{
    "RegistryLogin", "Used for this pull and then forgotten. It is not in the audit.", kLoginFields,
    true};

inline constexpr auto kPullFields = std::to_array<Property>({
    {"name", text(limits::kImageReference), "The whole reference, `repo:tag`"},
    {"image_name", text(limits::kImageReference),
     "In place of name: the reference without its tag"},
    {"image_tag", text(limits::kTag, R"("latest")"), "With image_name"},
    {"registry_auth", reference_to(kLoginSchema), ""},
});
inline constexpr Schema kPullSchema{"PullRequest", "`name`, or `image_name` and `image_tag`.",
                                    kPullFields, true};

inline constexpr Documentation kPullImage{
    .tag = kImages,
    .summary = "Pull an image",
    .text = "Answers when the image is there.",
    .body = &kPullSchema,
    .body_example = R"({"name":"tenstorrent/model:latest"})",
    .success = {&kMessageSchema,
                R"({"status":"success",)"
                R"("message":"Image tenstorrent/model:latest pulled successfully"})"},
    .statuses = kNotFound,
};

inline constexpr Type kPullIdType = json(R"("type":"string","pattern":"^[A-Za-z0-9_.-]{1,64}$")");

inline constexpr auto kPullStartFields =
    kPullFields + std::to_array<Property>({
                      {"pull_id", kPullIdType, "A name of the caller's choice for this pull", true},
                  });
inline constexpr Schema kPullStartSchema{
    "PullStartRequest", "`name`, or `image_name` and `image_tag`.", kPullStartFields, true};
// Another image is being pulled under that id.
inline constexpr auto kPullStartStatuses = std::to_array<int>({409});

inline constexpr Documentation kStartPull{
    .id = "images.pull.start",
    .tag = kImages,
    .summary = "Start to pull an image",
    .text = "Answers at once; the pull goes on by itself. A live pull of that id is joined.",
    .body = &kPullStartSchema,
    .body_example = R"({"image_name":"tenstorrent/model","image_tag":"latest","pull_id":"p1"})",
    .success = {&kMessageSchema, R"({"status":"success","message":"Pull p1 started"})"},
    .statuses = kPullStartStatuses,
};

inline constexpr auto kPullIdParameter =
    std::to_array<Parameter>({{"pull_id", kPullIdType, "That of images/pull/start", R"("p1")"}});

inline constexpr auto kProgressFields = std::to_array<Property>({
    {"pull_id", text(), "", true},
    {"status", json(R"("type":"string","enum":["pulling","success","error"])"), "", true},
    {"downloaded_bytes", integer(0, 0), "", true},
    {"total_bytes", integer(0, 0), "As far as it is known", true},
    {"layers_done", integer(0, 0), "", true},
    {"layers_total", integer(0, 0), "", true},
    {"message", text(), "What is being done, or how it ended", true},
    {"error", json(R"("type":["string","null"])"), "", true},
    {"started_at", integer(0, 0), "Seconds since the epoch", true},
    {"updated_at", integer(0, 0), "Seconds since the epoch", true},
});
inline constexpr Schema kProgressSchema{"PullProgress", "How far a pull is.", kProgressFields};

inline constexpr Documentation kPullProgress{
    .tag = kImages,
    .summary = "How far a pull is",
    .text = "The caller's own pulls, until one hour after their end.",
    .parameters = kPullIdParameter,
    .success =
        {&kProgressSchema,
         R"({"pull_id":"p1","status":"pulling","downloaded_bytes":1048576,)"
         R"("total_bytes":4194304,"layers_done":1,"layers_total":4,"message":"Downloading 4f0c",)"
         R"("error":null,"started_at":1769076000,"updated_at":1769076004})"},
};

inline constexpr Documentation kPullEvents{
    .id = "images.pull.events",
    .tag = kImages,
    .summary = "Follow a pull until its end",
    .text = "Server-sent events, each with a PullProgress as its data.",
    .parameters = kPullIdParameter,
    .success = {nullptr, "data: {\"pull_id\":\"p1\",\"status\":\"success\"}\n\n",
                "text/event-stream"},
};

// --- list, exists, remove ------------------------------------------------------------------------

inline constexpr auto kImageFields = std::to_array<Property>({
    {"id", text(), "", true},
    {"tags", array_of_text(), "Its names; the short id where it has none", true},
    {"size", integer(0, 0), "Bytes", true},
    {"created", json(R"("type":"string","format":"date-time")"), "", true},
});
inline constexpr Schema kImageSchema{"Image", "", kImageFields};
inline constexpr auto kImageListFields =
    kSuccessFields + std::to_array<Property>({{"images", list_of(kImageSchema), "", true}});
inline constexpr Schema kImageListSchema{"ImageList", "", kImageListFields};

inline constexpr auto kImageListParameters = std::to_array<Parameter>({
    {"name", text(limits::kImageReference), "Only those of this repository, or this `repo:tag`"},
});

inline constexpr Documentation kListImages{
    .tag = kImages,
    .summary = "List images",
    .text = "Those that the policy lets the service use.",
    .parameters = kImageListParameters,
    .success = {&kImageListSchema, R"({"status":"success","images":[{"id":"sha256:4f0c",)"
                                   R"("tags":["tenstorrent/model:latest"],"size":1048576,)"
                                   R"("created":"2026-01-22T10:00:00Z"}]})"},
};

inline constexpr auto kImageQuery = std::to_array<Parameter>({
    {"name", text(limits::kImageReference), "Reference without its tag", R"("tenstorrent/model")",
     true},
    {"tag", text(limits::kTag, R"("latest")"), "", R"("latest")"},
});
inline constexpr auto kImagePath = std::to_array<Parameter>({
    {"image", text(limits::kImageReference),
     "`name:tag`; the name may hold slashes, as they are or as %2F",
     R"("tenstorrent/model:latest")"},
});

inline constexpr auto kExistsFields =
    kMessageFields + std::to_array<Property>({{"exists", boolean(), "", true}});
inline constexpr Schema kExistsSchema{"ImageExists", "", kExistsFields};
inline constexpr Success kExistsAnswer{
    &kExistsSchema,
    R"({"status":"success","message":"Image tenstorrent/model:latest exists","exists":true})"};

inline constexpr Documentation kFindImage{
    .id = "images.exists.query",
    .tag = kImages,
    .summary = "Whether an image is there, by query",
    .parameters = kImageQuery,
    .success = kExistsAnswer,
};
inline constexpr Documentation kFindImageByPath{
    .tag = kImages,
    .summary = "Whether an image is there",
    .parameters = kImagePath,
    .success = kExistsAnswer,
};

inline constexpr auto kRemoveImageQuery =
    kImageQuery + std::to_array<Parameter>({
                      {"force", boolean("false"), "Even if a stopped container uses it"},
                  });
inline constexpr auto kRemoveImagePath =
    kImagePath + std::to_array<Parameter>({
                     {"force", boolean("false"), "Even if a stopped container uses it"},
                 });
inline constexpr auto kRemoveStatuses = std::to_array<int>({404, 409});
inline constexpr Success kImageRemoved{
    &kMessageSchema,
    R"({"status":"success","message":"Image tenstorrent/model:latest removed successfully"})"};

inline constexpr Documentation kRemoveImage{
    .id = "images.remove.query",
    .tag = kImages,
    .summary = "Remove an image, by query",
    .parameters = kRemoveImageQuery,
    .success = kImageRemoved,
    .statuses = kRemoveStatuses,
};
inline constexpr Documentation kRemoveImageByPath{
    .tag = kImages,
    .summary = "Remove an image",
    .parameters = kRemoveImagePath,
    .success = kImageRemoved,
    .statuses = kRemoveStatuses,
};

}  // namespace dc::daemon::api
