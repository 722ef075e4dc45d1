// SPDX-License-Identifier: Apache-2.0
// What each allowed command does to the Engine: one overload per command, and one that is missing
// does not compile. Broker only. Takes Allowed<X> and nothing else, so nothing unauthorised gets
// here.
#pragma once

#include "broker/audit.hpp"
#include "broker/engine.hpp"
#include "broker/image_tags.hpp"
#include "broker/ownership.hpp"
#include "broker/reply.hpp"
#include "broker/sweeper.hpp"
#include "policy/authorize.hpp"

namespace dc::broker {

// What executing needs, by reference; everything here lives as long as the loop.
struct Context {
  uv_loop_t* loop;
  Engine& engine;
  const Ownership& ownership;
  ImageTags& tags;
  Sweeper& sweeper;
  Audit& audit;
};

void execute(const policy::Allowed<ListContainers>& allowed, const ReplyPtr& reply,
             Context& context);
void execute(const policy::Allowed<InspectContainer>& allowed, const ReplyPtr& reply,
             Context& context);
void execute(const policy::Allowed<RunContainer>& allowed, const ReplyPtr& reply, Context& context);
void execute(const policy::Allowed<StartContainer>& allowed, const ReplyPtr& reply,
             Context& context);
void execute(const policy::Allowed<StopContainer>& allowed, const ReplyPtr& reply,
             Context& context);
void execute(const policy::Allowed<RestartContainer>& allowed, const ReplyPtr& reply,
             Context& context);
void execute(const policy::Allowed<RemoveContainer>& allowed, const ReplyPtr& reply,
             Context& context);

}  // namespace dc::broker
