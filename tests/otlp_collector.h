// A collector on loopback that behaves as a test wants it to, well or not.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "model/fd.h"

namespace cw::test {

// What came of one request.
struct Posted {
  std::string head;  // with the empty line
  std::string body;
  std::chrono::steady_clock::time_point at;
};

inline bool send_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

// "200 OK"; `headers` end in "\r\n" each.
inline std::string http_answer(std::string_view status, std::string_view body = "{}",
                               std::string_view headers = "") {
  std::string text = "HTTP/1.1 ";
  text += status;
  text += "\r\nContent-Type: application/json\r\nContent-Length: ";
  text += std::to_string(body.size());
  text += "\r\n";
  text += headers;
  text += "\r\n";
  text += body;
  return text;
}

class Collector {
 public:
  // Answers the request with that number, from 0 on, on `fd`; whether to go on with the connection.
  using Manners = std::function<bool(int fd, std::size_t number)>;

  static Manners always(std::string answer) {
    return [answer = std::move(answer)](int fd, std::size_t) { return send_all(fd, answer); };
  }
  static bool never_answer(int fd, std::size_t /*number*/) {
    std::array<char, 4096> part{};
    while (recv(fd, part.data(), part.size(), 0) > 0) {
    }
    return false;
  }

  // Whoever connects before open() is refused.
  explicit Collector(Manners manners) : manners_(std::move(manners)) {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address_);
    auto* const address = reinterpret_cast<sockaddr*>(&address_);
    if (bind(listener_.get(), address, length) != 0 ||
        getsockname(listener_.get(), address, &length) != 0)
      address_.sin_port = 0;
  }
  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;
  ~Collector() {
    stopping_ = true;
    shutdown(listener_.get(), SHUT_RDWR);
    {
      const std::scoped_lock lock(mutex_);
      if (connected_ >= 0) shutdown(connected_, SHUT_RDWR);
    }
    if (thread_.joinable()) thread_.join();
  }

  void open() {
    if (listen(listener_.get(), 16) == 0) thread_ = std::thread([this] { serve(); });
  }

  [[nodiscard]] std::uint16_t port() const { return ntohs(address_.sin_port); }
  [[nodiscard]] std::string url(const std::string& host = "127.0.0.1") const {
    return "http://" + host + ":" + std::to_string(port());
  }
  // Waits until there are so many, or for long.
  std::vector<Posted> posts(std::size_t expected) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(30), [&] { return posts_.size() >= expected; });
    return posts_;
  }
  [[nodiscard]] std::size_t connections() const { return connections_; }

 private:
  void serve() {
    while (!stopping_) {
      const Fd connection(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!connection && (errno == EINTR || errno == ECONNABORTED)) continue;
      if (!connection) return;
      ++connections_;
      is_connected(connection.get());
      while (!stopping_ && take(connection.get())) {
      }
      is_connected(-1);
    }
  }

  void is_connected(int fd) {
    const std::scoped_lock lock(mutex_);
    connected_ = fd;
  }

  bool take(int fd) {
    Posted post;
    std::string text;
    std::array<char, 65536> part{};
    std::size_t length = std::string::npos;
    while (text.size() < length) {
      const ssize_t got = recv(fd, part.data(), part.size(), 0);
      if (got <= 0) return false;
      text.append(part.data(), static_cast<std::size_t>(got));
      const auto end = text.find("\r\n\r\n");
      if (end == std::string::npos) continue;
      post.head = text.substr(0, end + 4);
      length = post.head.size() + content_length(post.head);
    }
    post.body = text.substr(post.head.size());
    post.at = std::chrono::steady_clock::now();
    std::size_t number = 0;
    {
      const std::scoped_lock lock(mutex_);
      number = posts_.size();
      posts_.push_back(std::move(post));
    }
    changed_.notify_all();
    return manners_(fd, number);
  }

  static std::size_t content_length(const std::string& head) {
    constexpr std::string_view kName = "\r\nContent-Length: ";
    const auto at = head.find(kName);
    return at == std::string::npos ? 0 : std::stoul(head.substr(at + kName.size()));
  }

  const Manners manners_;
  const Fd listener_{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in address_{};
  std::atomic<bool> stopping_ = false;
  int connected_ = -1;  // under mutex_
  std::atomic<std::size_t> connections_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Posted> posts_;  // mutex_
  std::thread thread_;
};

}  // namespace cw::test
