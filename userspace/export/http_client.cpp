#include "export/http_client.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/util.h>
#include <fmt/format.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "export/event_pointers.h"
#include "export/name_lookup.h"
#include "model/fd.h"

namespace cw {
namespace {

using Clock = HttpClient::Clock;

constexpr ev_ssize_t kMostAnswerBody = 65'536;  // bytes
// Of an answer as it comes, chunks and all: the line before a chunk is bounded by nothing else.
constexpr std::size_t kMostAnswer = std::size_t{4} * kMostAnswerBody;

constexpr const char* kTooLong = "its answer is too long";

using Connection = std::unique_ptr<evhttp_connection, Freer<evhttp_connection_free>>;

timeval until(Clock::time_point moment) {
  const auto left = std::max(Clock::duration::zero(), moment - Clock::now());
  const auto us = std::chrono::ceil<std::chrono::microseconds>(left).count();
  return {.tv_sec = us / 1'000'000, .tv_usec = us % 1'000'000};
}

std::string content_of(evbuffer* buffer) {
  std::string text(evbuffer_get_length(buffer), '\0');
  text.resize(
      static_cast<std::size_t>(std::max(0, evbuffer_remove(buffer, text.data(), text.size()))));
  return text;
}

}  // namespace

class HttpClient::Impl {
 public:
  explicit Impl(HttpServer server) : server_(std::move(server)) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() = default;

  bool set_up() {
    event_set_log_callback([](int, const char*) {});  // it would write to standard error
    base_.reset(event_base_new());
    wake_ = Fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!base_ || !wake_) return false;
    hurried_.reset(
        event_new(base_.get(), wake_.get(), EV_READ | EV_PERSIST, &Impl::on_hurry, this));
    timer_.reset(evtimer_new(base_.get(), &Impl::on_deadline, this));
    return hurried_ && timer_ && event_add(hurried_.get(), nullptr) == 0;
  }

  HttpAnswer post(const HttpRequest& request, Clock::time_point deadline) {
    deadline_ = deadline;
    timed_out_ = false;
    event_base_loop(base_.get(), EVLOOP_NONBLOCK);  // learns that the server has hung up
    const timeval left = until(patience());
    event_add(timer_.get(), &left);
    HttpAnswer answer;
    if (connection_) answer = send(request);
    if (answer.heard == HttpAnswer::Heard::kNothing && !timed_out_) answer = send_anew(request);
    event_del(timer_.get());
    return answer;
  }

  void hurry(Clock::time_point end) {
    end_ = end.time_since_epoch().count();
    static_cast<void>(eventfd_write(wake_.get(), 1));
  }

 private:
  [[nodiscard]] Clock::time_point patience() const {
    return std::min(deadline_, Clock::time_point(Clock::duration(end_.load())));
  }

  // Servers often listen on one of the two families alone, and a name has addresses of both.
  HttpAnswer send_anew(const HttpRequest& request) {
    HttpAnswer first;
    std::vector<std::string> addresses = look_up(first.problem);
    if (!addresses.empty())
      std::ranges::rotate(
          addresses, addresses.begin() + static_cast<std::ptrdiff_t>(turn_ % addresses.size()));
    for (const std::string& address : addresses) {
      HttpAnswer answer = connect(address) ? send(request) : HttpAnswer{};
      if (timed_out_ && !sent_) ++turn_;
      if (answer.heard != HttpAnswer::Heard::kNothing || timed_out_) return answer;
      if (first.problem.empty()) first = std::move(answer);
    }
    return first;
  }

  // `problem`: why there are none; else empty.
  std::vector<std::string> look_up(std::string& problem) {
    done_ = false;
    const NameLookup lookup(base_.get(), server_.host, [this] { stop(); });
    wait();
    problem = lookup.addresses().empty()
                  ? fmt::format("cannot look up {}: {}", server_.host, lookup.problem())
                  : "";
    return lookup.addresses();
  }

  bool connect(const std::string& address) {
    bufferevent* const socket = bufferevent_socket_new(base_.get(), -1, BEV_OPT_CLOSE_ON_FREE);
    if (socket == nullptr) return false;
    evbuffer_add_cb(bufferevent_get_output(socket), &Impl::on_output, this);
    evbuffer_add_cb(bufferevent_get_input(socket), &Impl::on_input, this);
    connection_.reset(evhttp_connection_base_bufferevent_new(base_.get(), nullptr, socket,
                                                             address.c_str(), server_.port));
    if (!connection_) return false;
    evhttp_connection_set_max_headers_size(connection_.get(), kMostHeader);
    evhttp_connection_set_max_body_size(connection_.get(), kMostAnswerBody);
    return true;
  }

  // Without an answer the connection is gone.
  HttpAnswer send(const HttpRequest& request) {
    answer_ = {};
    received_ = 0;
    sent_ = done_ = false;
    if (make_request(request)) wait();
    if (timed_out_) answer_.problem = sent_ ? "no answer in time" : "no connection in time";
    if (answer_.heard != HttpAnswer::Heard::kAnswer) connection_.reset();
    answer_.sent = sent_;
    return std::move(answer_);
  }

  bool make_request(const HttpRequest& request) {
    evhttp_request* const made = evhttp_request_new(&Impl::on_answer, this);
    if (made == nullptr) return false;
    evhttp_request_set_error_cb(made, &Impl::on_error);
    for (const auto& [name, value] : request.headers)
      evhttp_add_header(evhttp_request_get_output_headers(made), name.c_str(), value.c_str());
    evbuffer_add_reference(evhttp_request_get_output_buffer(made), request.body.data(),
                           request.body.size(), nullptr, nullptr);
    return evhttp_make_request(connection_.get(), made, EVHTTP_REQ_POST, request.path.c_str()) == 0;
  }

  void wait() {
    while (!done_ && !timed_out_) event_base_loop(base_.get(), 0);
  }

  static void on_hurry(evutil_socket_t fd, short /*what*/, void* self) {
    eventfd_t count = 0;
    static_cast<void>(eventfd_read(fd, &count));
    auto* const client = static_cast<Impl*>(self);
    if (event_pending(client->timer_.get(), EV_TIMEOUT, nullptr) == 0) return;
    const timeval left = until(client->patience());
    event_add(client->timer_.get(), &left);
  }

  void stop() {
    done_ = true;
    event_base_loopbreak(base_.get());
  }

  static void on_deadline(evutil_socket_t /*fd*/, short /*what*/, void* self) {
    static_cast<Impl*>(self)->timed_out_ = true;
    static_cast<Impl*>(self)->stop();
  }

  // There is something to send once there is a connection.
  static void on_output(evbuffer* /*buffer*/, const evbuffer_cb_info* change, void* self) {
    if (change->n_added > 0) static_cast<Impl*>(self)->sent_ = true;
  }

  static void on_input(evbuffer* /*buffer*/, const evbuffer_cb_info* change, void* self) {
    auto* const client = static_cast<Impl*>(self);
    client->received_ += change->n_added;
    if (client->received_ <= kMostAnswer || client->done_) return;
    client->answer_.heard = HttpAnswer::Heard::kNonsense;
    client->answer_.problem = kTooLong;
    client->stop();
  }

  // Before on_answer(), which comes then without a request.
  static void on_error(evhttp_request_error error, void* self) {
    auto* const client = static_cast<Impl*>(self);
    if (error != EVREQ_HTTP_INVALID_HEADER && error != EVREQ_HTTP_DATA_TOO_LONG) return;
    client->answer_.heard = HttpAnswer::Heard::kNonsense;
    client->answer_.problem =
        error == EVREQ_HTTP_DATA_TOO_LONG ? kTooLong : "it does not speak HTTP";
  }

  static void on_answer(evhttp_request* request, void* self) {
    const int error = errno;
    auto* const client = static_cast<Impl*>(self);
    client->stop();
    if (request != nullptr && evhttp_request_get_response_code(request) != 0)
      client->take(request);
    else if (client->answer_.heard == HttpAnswer::Heard::kNothing)
      client->answer_.problem = client->why_nothing(request == nullptr ? error : ECONNREFUSED);
  }

  void take(evhttp_request* request) {
    answer_.heard = HttpAnswer::Heard::kAnswer;
    answer_.status = evhttp_request_get_response_code(request);
    const char* const retry_after =
        evhttp_find_header(evhttp_request_get_input_headers(request), "Retry-After");
    if (retry_after != nullptr) answer_.retry_after = retry_after;
    answer_.body = content_of(evhttp_request_get_input_buffer(request));
  }

  // libevent has lost the error of a connection that was refused, and of those alone.
  [[nodiscard]] std::string why_nothing(int error) const {
    return sent_ ? "it hung up without an answer" : std::strerror(error);
  }

  const HttpServer server_;
  Fd wake_;
  EventBase base_;
  Event hurried_;
  Event timer_;
  Connection connection_;
  std::size_t turn_ = 0;  // of the addresses: a silent one is not the first of the next try
  std::atomic<Clock::rep> end_ = Clock::time_point::max().time_since_epoch().count();

  // Of the request under way.
  Clock::time_point deadline_;
  std::size_t received_ = 0;  // bytes
  bool sent_ = false;
  bool timed_out_ = false;
  bool done_ = false;
  HttpAnswer answer_;
};

Result<HttpClient> HttpClient::make(HttpServer server) {
  auto impl = std::make_unique<Impl>(std::move(server));
  if (!impl->set_up()) return fail(Exit::kFailed, "cannot push metrics: out of memory or files");
  return HttpClient(std::move(impl));
}

HttpClient::HttpClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpClient::HttpClient(HttpClient&& other) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&& other) noexcept = default;
HttpClient::~HttpClient() = default;

HttpAnswer HttpClient::post(const HttpRequest& request, Clock::time_point deadline) {
  return impl_->post(request, deadline);
}

void HttpClient::hurry(Clock::time_point end) {
  impl_->hurry(end);
}

}  // namespace cw
