// SPDX-License-Identifier: Apache-2.0
// Commands about images. Front; path, query and body are hostile.
#include "daemon/json_body.hpp"
#include "daemon/parameters.hpp"

namespace dc::daemon {
namespace {

namespace dom = simdjson::dom;

// --- bodies of pulls ---------------------------------------------------------------------------

struct LoginFields {
  std::optional<Text<256>> username, server;
  std::optional<Password> password;
};

template <auto Member>
Result<void> read_login_field(Json value, std::string_view name, LoginFields& fields) {
  using T = typename std::remove_reference_t<decltype(fields.*Member)>::value_type;
  auto parsed = read_as<T>(value, name);
  if (!parsed) return fail(std::move(parsed.error()));
  (fields.*Member).emplace(std::move(*parsed));
  return {};
}

constexpr std::array<Field<LoginFields>, 3> kLoginFields{{
    {"username", read_login_field<&LoginFields::username>},
    {"password", read_login_field<&LoginFields::password>},
    {"serveraddress", read_login_field<&LoginFields::server>},
}};

struct PullFields {
  // A whole reference, or a name and a tag: the two spellings of the contract.
  std::optional<std::string> name, image_name, image_tag;
  std::optional<RegistryLogin> login;
  std::optional<PullId> id;
};

template <std::optional<std::string> PullFields::*Member>
Result<void> read_text(Json value, std::string_view name, PullFields& fields) {
  auto text = read_string(value, name);
  if (!text) return fail(std::move(text.error()));
  fields.*Member = std::string(*text);
  return {};
}

Result<void> read_login(Json value, std::string_view name, PullFields& fields) {
  dom::object object;
  if (value.get(object) != simdjson::SUCCESS) return field_error(name, "must be an object");
  if (object.size() == 0) return {};
  LoginFields login;
  if (auto read = read_fields<LoginFields>(object, kLoginFields, login); !read) return read;
  if (!login.username || !login.password) {
    return field_error(name, "must have username and password");
  }
  fields.login.emplace(RegistryLogin{std::move(*login.username), std::move(*login.password),
                                     std::move(login.server)});
  return {};
}

Result<void> read_pull_id(Json value, std::string_view name, PullFields& fields) {
  auto id = read_as<PullId>(value, name);
  if (!id) return fail(std::move(id.error()));
  fields.id = std::move(*id);
  return {};
}

constexpr std::array<Field<PullFields>, 4> kPullFields{{
    {"name", read_text<&PullFields::name>},
    {"image_name", read_text<&PullFields::image_name>},
    {"image_tag", read_text<&PullFields::image_tag>},
    {"registry_auth", read_login},
}};
constexpr std::array<Field<PullFields>, 5> kPullStartFields{
    {kPullFields[0], kPullFields[1], kPullFields[2], kPullFields[3], {"pull_id", read_pull_id}}};

Result<ImageRef> image_of(const PullFields& fields) {
  if (fields.name && fields.image_name) {
    return field_error("name", "and \"image_name\" exclude each other");
  }
  if (!fields.name && !fields.image_name) return field_error("image_name", "is required");
  if (fields.name && fields.image_tag) {
    return field_error("image_tag", "goes with \"image_name\"; \"name\" has its own");
  }
  const std::string& name = fields.name ? *fields.name : *fields.image_name;
  auto image = fields.image_tag ? ImageRef::parse(name, *fields.image_tag) : ImageRef::parse(name);
  if (!image) return field_error(fields.name ? "name" : "image_name", image.error().detail);
  return image;
}

template <std::size_t N>
Result<PullImage> read_pull(const RequestParts& parts,
                            const std::array<Field<PullFields>, N>& declared) {
  if (auto known = refuse_unknown(parts, {}); !known) return fail(std::move(known.error()));
  PullFields fields;
  if (auto read = read_body_fields(parts.body, true, declared, fields); !read) {
    return fail(std::move(read.error()));
  }
  auto image = image_of(fields);
  if (!image) return fail(std::move(image.error()));
  return PullImage{std::move(*image), std::move(fields.login), std::move(fields.id)};
}

// --- images of paths and queries ---------------------------------------------------------------

// "name:tag" in the path, or `name` and `tag` in the query.
Result<ImageRef> image_of(const RequestParts& parts) {
  const std::string* name = find_parameter(parts, "name");
  const std::string* tag = find_parameter(parts, "tag");
  if (!parts.id.empty()) {
    if (name != nullptr || tag != nullptr) {
      return parameter_error(name != nullptr ? "name" : "tag",
                             "is not for an image that the path names");
    }
    auto image = ImageRef::parse(parts.id);
    if (!image) return fail(Errc::invalid_request, "Image reference " + image.error().detail);
    return image;
  }
  if (name == nullptr) return parameter_error("name", "is missing");
  auto image = tag == nullptr ? ImageRef::parse(*name) : ImageRef::parse(*name, *tag);
  if (!image) return parameter_error("name", image.error().detail);
  return image;
}

// A colon before the last slash is a port's.
bool names_version(std::string_view reference) {
  const std::size_t slash = reference.rfind('/');
  const std::size_t last = slash == std::string_view::npos ? 0 : slash;
  return reference.find_first_of(":@", last) != std::string_view::npos;
}

Result<Command> read_progress(const RequestParts& parts, bool follow) {
  auto id = PullId::parse(parts.id);
  if (!id) return fail(Errc::invalid_request, "Pull id " + id.error().detail);
  return Command(ReadPull{std::move(*id), follow});
}

}  // namespace

Result<Command> build_pull(const RequestParts& parts) {
  auto pull = read_pull(parts, kPullFields);
  if (!pull) return fail(std::move(pull.error()));
  return Command(std::move(*pull));
}

Result<Command> build_pull_start(const RequestParts& parts) {
  auto pull = read_pull(parts, kPullStartFields);
  if (!pull) return fail(std::move(pull.error()));
  if (!pull->id) return field_error("pull_id", "is required");
  return Command(std::move(*pull));
}

Result<Command> build_pull_progress(const RequestParts& parts) {
  return read_progress(parts, false);
}

Result<Command> build_pull_events(const RequestParts& parts) { return read_progress(parts, true); }

Result<Command> build_list_images(const RequestParts& parts) {
  const std::string* name = find_parameter(parts, "name");
  if (name == nullptr) return Command(ListImages{});
  auto image = ImageRef::parse(*name);
  if (!image) return parameter_error("name", image.error().detail);
  return Command(ListImages{std::move(*image), !names_version(*name)});
}

Result<Command> build_find_image(const RequestParts& parts) {
  auto image = image_of(parts);
  if (!image) return fail(std::move(image.error()));
  return Command(FindImage{std::move(*image)});
}

Result<Command> build_remove_image(const RequestParts& parts) {
  if (auto known = refuse_unknown(parts, {"name", "tag", "force"}); !known) {
    return fail(std::move(known.error()));
  }
  auto image = image_of(parts);
  if (!image) return fail(std::move(image.error()));
  auto force = flag_or(parts, "force", false);
  if (!force) return fail(std::move(force.error()));
  return Command(RemoveImage{std::move(*image), *force});
}

}  // namespace dc::daemon
