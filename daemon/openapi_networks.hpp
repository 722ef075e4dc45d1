// SPDX-License-Identifier: Apache-2.0
// The network operations as the OpenAPI document describes them. Front only; constant data. See the
// head of daemon/openapi_containers.hpp.
#pragma once

#include <array>
#include "daemon/openapi_schema.hpp"

namespace dc::daemon::api {

inline constexpr std::string_view kNetworks = "Networks";

inline constexpr Parameter kNetworkParameter{"name", text(limits::kName), "Name of the network",
                                             R"("tt_studio_network")"};
inline constexpr auto kOneNetwork = std::to_array<Parameter>({kNetworkParameter});
inline constexpr auto kNetworkConflict = std::to_array<int>({409});

inline constexpr auto kCreateNetworkFields = std::to_array<Property>({
    {"name", text(limits::kName), "", true},
    {"driver", json(R"("type":"string","const":"bridge")", R"("bridge")"), ""},
});
inline constexpr Schema kCreateNetworkSchema{"NetworkRequest", "", kCreateNetworkFields, true};

inline constexpr Documentation kCreateNetwork{
    .tag = kNetworks,
    .summary = "Create a network",
    .body = &kCreateNetworkSchema,
    .body_example = R"({"name":"tt_studio_network","driver":"bridge"})",
    .success =
        {&kMessageSchema,
         R"({"status":"success","message":"Network tt_studio_network created successfully"})"},
    .statuses = kNetworkConflict,
};

inline constexpr auto kNetworkFields = std::to_array<Property>({
    {"id", text(), "", true},
    {"name", text(), "", true},
    {"driver", text(), "", true},
    {"scope", text(), "", true},
    {"created", text(), "", true},
    {"Id", text(), "As id; the Engine's spelling, like those that follow", true},
    {"Name", text(), "", true},
    {"Driver", text(), "", true},
    {"Scope", text(), "", true},
    {"Created", text(), "", true},
});
inline constexpr Schema kNetworkSchema{"Network", "", kNetworkFields};
inline constexpr auto kNetworkListFields =
    kSuccessFields + std::to_array<Property>({{"networks", list_of(kNetworkSchema), "", true}});
inline constexpr Schema kNetworkListSchema{"NetworkList", "", kNetworkListFields};
inline constexpr auto kNetworkListParameters = std::to_array<Parameter>({
    {"names", text(), "Only these, with commas between them"},
});

inline constexpr Documentation kListNetworks{
    .tag = kNetworks,
    .summary = "List networks",
    .text = "Those that the policy lets the service use.",
    .parameters = kNetworkListParameters,
    .success = {&kNetworkListSchema,
                R"({"status":"success","networks":[{"id":"9a3b","name":"tt_studio_network",)"
                R"("driver":"bridge","scope":"local","created":"2026-01-22T10:00:00Z",)"
                R"("Id":"9a3b","Name":"tt_studio_network","Driver":"bridge","Scope":"local",)"
                R"("Created":"2026-01-22T10:00:00Z"}]})"},
};

inline constexpr Documentation kRemoveNetwork{
    .tag = kNetworks,
    .summary = "Remove a network",
    .parameters = kOneNetwork,
    .success =
        {&kMessageSchema,
         R"({"status":"success","message":"Network tt_studio_network removed successfully"})"},
    .statuses = kNetworkConflict,
};

inline constexpr auto kConnectFields = std::to_array<Property>({
    {"container", text(limits::kContainerRef), "Name or id", true},
});
inline constexpr Schema kConnectSchema{"ConnectRequest", "", kConnectFields, true};

inline constexpr Documentation kConnectNetwork{
    .tag = kNetworks,
    .summary = "Connect a container to a network",
    .parameters = kOneNetwork,
    .body = &kConnectSchema,
    .body_example = R"({"container":"my_model"})",
    .success = {&kMessageSchema,
                R"({"status":"success",)"
                R"("message":"Container my_model connected to network tt_studio_network"})"},
    .statuses = kNetworkConflict,
};

inline constexpr auto kDisconnectFields =
    kConnectFields + std::to_array<Property>({{"force", boolean("false"), ""}});
inline constexpr Schema kDisconnectSchema{"DisconnectRequest", "", kDisconnectFields, true};

inline constexpr Documentation kDisconnectNetwork{
    .tag = kNetworks,
    .summary = "Disconnect a container from a network",
    .parameters = kOneNetwork,
    .body = &kDisconnectSchema,
    .body_example = R"({"container":"my_model"})",
    .success = {&kMessageSchema,
                R"({"status":"success",)"
                R"("message":"Container my_model disconnected from network tt_studio_network"})"},
    .statuses = kNetworkConflict,
};

}  // namespace dc::daemon::api
