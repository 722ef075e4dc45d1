// SPDX-License-Identifier: Apache-2.0
// Every size, count and time cap of both sides, each with its reason. Policy limits (memory, CPU)
// are in policy/profile.hpp: those the administrator may change.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace dc::limits {

using std::chrono::milliseconds;
using std::chrono::seconds;

// --- channel -----------------------------------------------------------------------------------
// A datagram of the socketpair: large enough for one `run`, small enough that four fit the default
// socket buffer.
inline constexpr std::size_t kFrame = 64 * 1024;
// Payload of one chunk of bulk data; half a frame leaves room for the header fields around it.
inline constexpr std::size_t kChunk = 32 * 1024;
// Frames that the broker may have sent on one request before the front returns credit: 256 KiB.
inline constexpr std::uint32_t kCredits = 8;
// Elements of any list inside a frame; the tightest field cap applies first, this one bounds
// memory.
inline constexpr std::uint32_t kListElements = 1024;
// Requests that the broker works on at a time, over all fronts; beyond it the answer is
// `overloaded`.
inline constexpr std::size_t kInFlight = 128;
// Of those, one service may hold this many, so one caller cannot starve another.
inline constexpr std::size_t kInFlightPerService = 64;
// Places kept for stop and remove, which must work under overload.
inline constexpr std::size_t kInFlightReserve = 16;
// Requests a second of one service, unless its profile says otherwise: more than a backend makes,
// and a fraction of what the Engine can answer.
inline constexpr std::uint32_t kRate = 1000;
// Streams that are open at a time: followed logs and pulls, and waits. Each holds one connection to
// the Engine and some frames, and may last for hours, so they have places of their own.
inline constexpr std::size_t kStreams = 512;
inline constexpr std::size_t kStreamsPerService = 256;
// From this many frames that wait for the channel on, streams pause; a few MiB, so that an answer
// behind them is not late.
inline constexpr std::size_t kChannelBusy = 64;
// How often streams are asked whether their token and rights still hold.
inline constexpr milliseconds kStreamCheck = seconds(1);
// Frames that the broker keeps for a front that does not read; past it the front is taken for dead.
inline constexpr std::size_t kChannelBacklog = 768;

// How long a process looks for an answer before it sleeps: most Engine reads take less, and being
// woken costs 20 to 50 us each time.
inline constexpr std::chrono::microseconds kBusyPoll{400};

// --- HTTP --------------------------------------------------------------------------------------
inline constexpr std::size_t kRequestLine = 4 * 1024;  // method, target and version
inline constexpr std::size_t kHeaderLine = 8704;       // a token of kToken bytes and its name
inline constexpr std::size_t kHeaders = 16 * 1024;     // request line and all headers
inline constexpr std::size_t kHeaderCount = 64;
inline constexpr std::size_t kBodyRun = 64 * 1024;  // containers/run
inline constexpr std::size_t kBody = 8 * 1024;      // everything else
inline constexpr std::size_t kChunkExtension = 64;  // bytes after a chunk's size
inline constexpr std::size_t kQueryParameters = 32;
inline constexpr std::size_t kPathSegments = 12;
inline constexpr milliseconds kHeaderTime = seconds(5);   // first byte to end of headers
inline constexpr milliseconds kBodyTime = seconds(10);    // end of headers to end of body
inline constexpr milliseconds kIdleTime = seconds(30);    // between requests
inline constexpr milliseconds kWriteStall = seconds(30);  // a reader that takes nothing
inline constexpr milliseconds kLingerTime = seconds(2);   // after an error, before the close
inline constexpr unsigned kRequestsPerConnection = 1000;  // evens out load between workers
// Open connections, unless the configuration says otherwise: 256 for strangers and the share of a
// dozen addresses. An idle one costs the front under 4 KiB, so the figure is about those that are
// not: at worst each holds a body and a write queue.
inline constexpr std::uint32_t kConnections = 1024;
inline constexpr std::uint32_t kConnectionsPerAddress = 64;
// What the configuration may say of both.
inline constexpr std::uint32_t kConnectionsMin = 16;
inline constexpr std::uint32_t kConnectionsMax = 65536;
// Connections that have not shown a good token yet. One that is accepted while the listeners bring
// as many others as they can is read before it can be the oldest of so many (daemon/listener.cpp).
inline constexpr std::uint32_t kStrangers = 256;
inline constexpr std::size_t kHostHeader = 255;  // a DNS name is no longer
inline constexpr std::size_t kSiteNames = 16;    // `hosts` and `cors_origins`, each
// Bytes of an answer that wait for the client's socket before the broker's credit is withheld. The
// kernel holds more already; this much hundreds of slow followers can have each.
inline constexpr std::size_t kWriteQueue = 64 * 1024;
// A stream that has nothing to say says so this often: proxies give up on a silent one after 60 s.
inline constexpr milliseconds kHeartbeat = seconds(15);

// --- tokens ------------------------------------------------------------------------------------
inline constexpr std::size_t kToken = 8 * 1024;
inline constexpr std::size_t kTokenHeader = 512;   // decoded JSON
inline constexpr std::size_t kTokenClaims = 4096;  // decoded JSON
inline constexpr std::size_t kTokenMembers = 32;
inline constexpr std::size_t kTokenDepth = 4;
inline constexpr std::size_t kHmacKeyMin = 32;  // RFC 7518 section 3.2 for HS256
inline constexpr std::size_t kHmacKeyMax = 1024;
inline constexpr std::size_t kRsaBitsMin = 2048;  // RFC 7518 section 3.3
inline constexpr std::size_t kRsaBitsMax = 8192;  // a longer one takes milliseconds a signature
inline constexpr std::size_t kPublicKeyFile = 16 * 1024;  // PEM, with room for comments
inline constexpr std::size_t kJwksFile = 64 * 1024;
inline constexpr std::size_t kKeys = 16;       // configured at once, for rotation
inline constexpr std::size_t kAudiences = 16;  // of one key
inline constexpr std::size_t kIssuer = 256;
inline constexpr seconds kTokenLeeway{30};     // clock difference between issuer and us
inline constexpr seconds kTokenLeewayMax{60};  // more is a clock to be set, not to be allowed for
// Used tokens that are remembered under keys with replay protection: a few MiB, and an hour of two
// changes a second. While it is full, such keys allow no change.
inline constexpr std::size_t kUsedTokens = 8192;
// Taken back: entries of each list in the file of revocations, and its size.
inline constexpr std::size_t kRevocations = 4096;
inline constexpr std::size_t kRevocationsFile = 512 * 1024;
// Bad tokens of public-key algorithms that one address may have checked a second, and at once: two
// hundredths of the broker's time at 100 us each. And of how many addresses that is known.
inline constexpr std::uint32_t kBadTokens = 200;
inline constexpr std::uint32_t kBadTokensAtOnce = 400;
inline constexpr std::size_t kBadTokenAddresses = 4096;
// How often the log says that tokens without an end are in use.
inline constexpr seconds kEndlessNotice = std::chrono::hours(1);
inline constexpr seconds kTokenCache{60};  // longest life of a verified token's handle
inline constexpr std::size_t kTokenCacheEntries = 4096;

// --- fields of commands ------------------------------------------------------------------------
inline constexpr std::size_t kImageReference = 512;
inline constexpr std::size_t kRepository = 255;  // dockerd's own cap
inline constexpr std::size_t kTag = 128;
inline constexpr std::size_t kName = 63;           // container, network and host names
inline constexpr std::size_t kContainerRef = 128;  // name, id or id prefix
inline constexpr std::size_t kArguments = 512;
inline constexpr std::size_t kArgumentBytes = 32 * 1024;  // all arguments together
inline constexpr std::size_t kVariables = 256;
inline constexpr std::size_t kVariableBytes = 48 * 1024;  // all variables together; fits a frame
inline constexpr std::size_t kLabels = 64;
inline constexpr std::size_t kLabelKey = 128;
inline constexpr std::size_t kLabelValue = 1024;
inline constexpr std::size_t kPorts = 16;
inline constexpr std::size_t kMounts = 32;  // each is looked at on the host, twice
inline constexpr std::size_t kTmpfs = 16;
inline constexpr std::size_t kDevices = 64;  // asked for; a directory of them counts as one
inline constexpr std::size_t kGpuRequests = 4;
inline constexpr std::size_t kNameServers = 8;  // resolvers read the first three
inline constexpr std::size_t kExtraHosts = 16;
inline constexpr std::size_t kGroups = 16;
inline constexpr std::uint32_t kHealthRetries = 100;
inline constexpr std::uint64_t kHealthTime = 86'400'000'000'000;  // nanoseconds; a day
inline constexpr std::size_t kPath = 1024;
inline constexpr std::uint32_t kStopTimeout = 300;  // seconds; a negative one would wait for ever
inline constexpr std::uint32_t kRestartRetries = 5;
inline constexpr std::size_t kFilterValues = 16;
inline constexpr std::size_t kPassword = 3 * 1024;     // a registry's tokens are long
inline constexpr std::uint32_t kMeasureTimeMin = 100;  // milliseconds of a `du`
inline constexpr std::uint32_t kMeasureTimeMax = 10'000;
inline constexpr std::uint32_t kServiceLogLines = 5000;
inline constexpr std::size_t kServiceLog = 1024 * 1024;  // bytes of it, from its end

// --- Engine ------------------------------------------------------------------------------------
inline constexpr std::size_t kEngineConnections = 32;         // open at once to docker.sock
inline constexpr std::size_t kEngineHead = 16 * 1024;         // one reply's status line and headers
inline constexpr std::size_t kEngineBody = 32 * 1024 * 1024;  // a list of 10,000 containers
inline constexpr std::size_t kInspectBody = 4 * 1024 * 1024;
inline constexpr std::size_t kInspectsPerList = 16;  // in flight for one list
inline constexpr std::size_t kPullLine = 64 * 1024;  // one line of pull progress
inline constexpr std::size_t kPullLayers = 512;      // counted; an image has 127 at most
inline constexpr std::size_t kPullLayerId = 64;      // of it; an Engine's has 12
inline constexpr std::size_t kPullMessage = 256;     // what a pull does, for people to read
// Pulls under way, in all and of one service: each fills the disk and shares the network with the
// others, so more of them are not faster.
inline constexpr std::size_t kPulls = 4;
inline constexpr std::size_t kPullsPerService = 2;
inline constexpr std::size_t kPullsKept = 32;  // of one service, under way or with an end to tell
inline constexpr seconds kPullKept = std::chrono::hours(1);  // how long an end is told
inline constexpr std::size_t kRunLogs = 256 * 1024;       // output kept of a run with detach=false
inline constexpr milliseconds kReadTime = seconds(10);    // list, inspect
inline constexpr milliseconds kMutateTime = seconds(60);  // create, start, remove
inline constexpr milliseconds kStopGrace = seconds(30);   // on top of stop's own timeout
// Images of tens of GB are pulled, and the service that we replace had no limit but its client's
// two hours; what a registry can hold up is bounded by kPullStall and the disk's floor.
inline constexpr milliseconds kPullTime = std::chrono::hours(2);
inline constexpr milliseconds kPullStall = seconds(60);           // no progress line
inline constexpr milliseconds kWaitTime = std::chrono::hours(1);  // wait, and run with detach=false
// A followed log; a client that wants more asks again, as server-sent events do by themselves.
inline constexpr milliseconds kFollowTime = std::chrono::hours(24);
inline constexpr std::size_t kLogChunk = 16 * 1024;  // of a log in one frame: 128 KiB under way
inline constexpr std::size_t kLogLine =
    16 * 1024;  // of a line in one event; the rest follows in more
inline constexpr std::uint32_t kLogTail = 10'000;  // lines; who wants more asks for all of it
inline constexpr std::size_t kMeasurements = 4;    // each keeps a disk busy
// One service's own: a du that never ends must not take all.
inline constexpr std::size_t kMeasurementsPerService = 2;
// Of a du's output: its one line may repeat a path of kPath bytes.
inline constexpr std::size_t kMeasureOutput = 4 * 1024;
// A du cannot be ended through the Engine: how often it is asked whether it has, and for how long.
inline constexpr milliseconds kMeasurePoll{100};
inline constexpr milliseconds kMeasurePatience = std::chrono::minutes(10);
inline constexpr milliseconds kProbeEvery = seconds(1);
inline constexpr milliseconds kProbeTime = seconds(2);
inline constexpr milliseconds kRollbackTime =
    seconds(30);  // room for it in the front's deadline of a run
inline constexpr milliseconds kSweepEvery = seconds(5);
inline constexpr std::uint64_t kDiskFloor = 10ULL
                                            << 30;  // free bytes below which health is degraded

// --- processes ---------------------------------------------------------------------------------
inline constexpr milliseconds kDrainTime = seconds(10);
inline constexpr std::size_t kListeners = 8;
// Of what is wrong with a policy, in status.json and audit: the first dozens of lines; the log has
// them all.
inline constexpr std::size_t kStatusProblem = 4 * 1024;
// How far from its end the audit file is searched for a whole line: a frame whose every byte is
// escaped is 384 KiB.
inline constexpr std::size_t kAuditEnd = 1024 * 1024;
inline constexpr std::size_t kConfigFile = 64 * 1024;
inline constexpr std::size_t kPolicyFile = 1024 * 1024;
inline constexpr std::size_t kProfiles = 256;
inline constexpr std::size_t kProfileEntries = 256;  // images, networks, ranges of one profile

}  // namespace dc::limits
