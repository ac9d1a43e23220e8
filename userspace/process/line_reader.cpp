#include "process/line_reader.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <vector>

#include "process/line_messages.h"
#include "process/line_server.h"

namespace cw {

LineReader::~LineReader() {
  stop();
}

bool LineReader::start() {
  if (process_ != 0) return true;
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) return false;
  socket_ = Fd(ends[0]);
  const Fd theirs(ends[1]);
  const pid_t child = ::fork();
  if (child == 0) serve_lines(theirs.get());
  process_ = std::max(child, 0);
  if (process_ == 0) socket_.reset();
  return process_ != 0;
}

void LineReader::stop() {
  socket_.reset();
  if (process_ == 0) return;
  ::kill(process_, SIGKILL);
  while (::waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
  }
  process_ = 0;
  waiting_ = false;
}

void LineReader::give_up_on_file() {
  bad_.insert(asked_);
  ++failures_;
  stop();
}

void LineReader::earn_patience() {
  const auto now = Clock::now();
  left_ += (now - earned_) * kShare;
  left_ = std::min<decltype(left_)>(left_, patience_);
  earned_ = now;
}

bool LineReader::send(std::uint64_t id, int file, int alternate, std::uint64_t vaddr) {
  LineRequest request{.sequence = ++sequence_, .file = id, .vaddr = vaddr};
  iovec payload{.iov_base = &request, .iov_len = sizeof request};
  const std::array<int, 2> files = {file, alternate};
  const std::size_t bytes = (alternate < 0 ? 1 : 2) * sizeof(int);
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof files)> control{};
  msghdr message{};
  message.msg_iov = &payload;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = CMSG_SPACE(bytes);
  cmsghdr* rights = CMSG_FIRSTHDR(&message);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(bytes);
  std::memcpy(CMSG_DATA(rights), files.data(), bytes);
  asked_ = id;
  asked_at_ = Clock::now();
  return ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

std::optional<SourceFrames> LineReader::receive() {
  const auto begin = Clock::now();
  pollfd ready{.fd = socket_.get(), .events = POLLIN, .revents = 0};
  const int count = ::poll(&ready, 1, std::max(static_cast<int>(left_.count()), 0));
  left_ -= Clock::now() - begin;
  if (count <= 0) {
    if (Clock::now() - asked_at_ > kTooLong) give_up_on_file();
    return std::nullopt;
  }
  std::vector<char> message(kMaxLineReply + 1);
  const ssize_t got = ::recv(socket_.get(), message.data(), message.size(), MSG_DONTWAIT);
  auto reply = got <= 0 ? std::nullopt : decode({message.data(), static_cast<std::size_t>(got)});
  if (!reply || reply->sequence != sequence_) {
    give_up_on_file();
    return SourceFrames();
  }
  waiting_ = false;
  return std::move(reply->frames);
}

std::optional<SourceFrames> LineReader::at(std::uint64_t id, int file, int alternate,
                                           std::uint64_t vaddr) {
  if (bad_.contains(id) || failures_ >= kMaxFailures) return SourceFrames();
  earn_patience();
  // It answers one after the other, so the last answer has to be fetched first.
  if (waiting_ && !receive() && waiting_) return std::nullopt;
  if (bad_.contains(id) || !start()) return SourceFrames();
  if (!send(id, file, alternate, vaddr)) {
    give_up_on_file();
    return SourceFrames();
  }
  waiting_ = true;
  return receive();
}

}  // namespace cw
