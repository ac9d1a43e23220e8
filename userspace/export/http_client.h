// Posts to one server over HTTP/1.1, one request at a time, on a connection that is kept. What the
// server does costs little, whatever it does: each answer has a deadline, 8 KB of header, 64 KB of
// body. Names are looked up in /etc/hosts and by DNS, with the same deadline.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "model/error.h"

namespace cw {

struct HttpServer {
  std::string host;  // a name or an address
  std::uint16_t port = 0;
};

struct HttpRequest {
  std::string path;
  std::vector<std::pair<std::string, std::string>> headers;  // all but Content-Length
  std::string body;
};

struct HttpAnswer {
  enum class Heard : std::uint8_t {
    kNothing,   // no connection, or no answer on it
    kNonsense,  // not HTTP, or without an end
    kAnswer,
  };
  Heard heard = Heard::kNothing;
  bool sent = false;  // the request was on its way, there was a connection
  int status = 0;
  std::string retry_after;  // the header; empty: none
  std::string body;
  std::string problem = "out of memory or files";  // why nothing sensible was heard
};

class HttpClient {
 public:
  using Clock = std::chrono::steady_clock;

  // Connects when there is something to send. Errors: kFailed (out of files).
  static Result<HttpClient> make(HttpServer server);
  HttpClient(HttpClient&& other) noexcept;
  HttpClient& operator=(HttpClient&& other) noexcept;
  ~HttpClient();

  // Waits for the answer, until `deadline`.
  HttpAnswer post(const HttpRequest& request, Clock::time_point deadline);
  // No post() waits for longer than this any more. From any thread.
  void hurry(Clock::time_point end);

 private:
  class Impl;
  explicit HttpClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace cw
