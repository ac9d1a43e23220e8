#include "export/metrics_server.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <fmt/format.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <list>
#include <mutex>
#include <string_view>
#include <thread>
#include <utility>

#include "export/background_thread.h"
#include "export/event_pointers.h"
#include "model/fd.h"

namespace cw {
namespace {

constexpr std::size_t kMostConnections = 64;
constexpr ev_ssize_t kMostRequestBody = 1024;  // bytes; nobody has a reason to send one
constexpr int kMostSilence = 5;                // seconds
constexpr int kBacklog = 64;

constexpr const char* kPrometheusType = "text/plain; version=0.0.4; charset=utf-8";
constexpr const char* kOpenMetricsType =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";

// Shared with evhttp, which does not say when it is done with a connection.
using SharedConnection = std::unique_ptr<bufferevent, Freer<bufferevent_decref>>;

bool is_over(const SharedConnection& connection) {
  bufferevent_event_cb on_event = nullptr;  // evhttp has one as long as it lives
  bufferevent_getcb(connection.get(), nullptr, nullptr, &on_event, nullptr);
  return on_event == nullptr;
}

using SharedPage = std::shared_ptr<const MetricsServer::Page>;

// The answer's text is not copied: it is kept for as long as it is being sent.
void add_page(evbuffer* body, const SharedPage& page, const std::string& text) {
  auto kept = std::make_unique<SharedPage>(page);
  const auto release = [](const void*, std::size_t, void* argument) {
    delete static_cast<SharedPage*>(argument);
  };
  if (evbuffer_add_reference(body, text.data(), text.size(), release, kept.get()) == 0)
    kept.release();  // NOLINT(bugprone-unused-return-value): release() has it
}

bool wants_open_metrics(evhttp_request* request) {
  const char* accept = evhttp_find_header(evhttp_request_get_input_headers(request), "Accept");
  return accept != nullptr &&
         std::string_view(accept).find("application/openmetrics-text") != std::string_view::npos;
}

void set_header(evhttp_request* request, const char* name, const char* value) {
  static_cast<void>(evhttp_add_header(evhttp_request_get_output_headers(request), name, value));
}

}  // namespace

class MetricsServer::Impl {
 public:
  Impl() = default;
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    if (!thread_.joinable()) return;
    static_cast<void>(eventfd_write(stop_.get(), 1));
    thread_.join();
  }

  Result<void> bind(const ListenAddress& address) {
    event_set_log_callback([](int, const char*) {});  // it would write to standard error
    socket_ = Fd(::socket(address.socket.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int on = 1;
    if (!socket_ || setsockopt(socket_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        ::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address.socket), address.length) !=
            0 ||
        listen(socket_.get(), kBacklog) != 0)
      return fail(Exit::kFailed,
                  fmt::format("cannot listen on {}: {}", address.text(), std::strerror(errno)));
    address_.length = sizeof(address_.socket);
    getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address_.socket), &address_.length);
    return {};
  }

  Result<void> start() {
    if (!set_up()) return fail(Exit::kFailed, "cannot serve metrics: out of memory or files");
    thread_ = background_thread([this] { event_base_dispatch(base_.get()); });
    return {};
  }

  void publish(Page page) {
    auto shared = std::make_shared<const Page>(std::move(page));
    const std::scoped_lock lock(mutex_);
    page_ = std::move(shared);
  }

  [[nodiscard]] std::string address() const { return address_.text(); }

 private:
  bool set_up() {
    base_.reset(event_base_new());
    if (!base_) return false;
    http_.reset(evhttp_new(base_.get()));
    stop_ = Fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!http_ || !stop_) return false;
    evhttp_set_max_headers_size(http_.get(), kMostHeader);
    evhttp_set_max_body_size(http_.get(), kMostRequestBody);
    evhttp_set_timeout(http_.get(), kMostSilence);
    evhttp_set_allowed_methods(http_.get(), EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
    evhttp_set_bevcb(http_.get(), &Impl::on_connection, this);
    evhttp_set_gencb(http_.get(), &Impl::on_request, this);
    stopping_.reset(event_new(base_.get(), stop_.get(), EV_READ, &Impl::on_stop, base_.get()));
    if (!stopping_ || event_add(stopping_.get(), nullptr) != 0) return false;
    if (evhttp_accept_socket(http_.get(), socket_.get()) != 0) return false;
    static_cast<void>(socket_.release());  // http_ closes it
    return true;
  }

  static void on_stop(evutil_socket_t /*fd*/, short /*what*/, void* base) {
    event_base_loopbreak(static_cast<event_base*>(base));
  }

  // Called for each new connection.
  static bufferevent* on_connection(event_base* base, void* self) {
    auto& connections = static_cast<Impl*>(self)->connections_;
    std::erase_if(connections, is_over);
    if (connections.size() >= kMostConnections) {  // the oldest reads that it ended
      shutdown(bufferevent_getfd(connections.front().get()), SHUT_RDWR);
      connections.pop_front();
    }
    bufferevent* const connection = bufferevent_socket_new(base, -1, 0);
    if (connection != nullptr) {
      bufferevent_incref(connection);
      connections.emplace_back(connection);
    }
    return connection;
  }

  static void on_request(evhttp_request* request, void* self) {
    static_cast<Impl*>(self)->answer(request);
  }

  void answer(evhttp_request* request) {
    set_header(request, "Connection", "close");
    const char* const path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request));
    if (path == nullptr || std::string_view(path) != "/metrics") {
      evhttp_send_error(request, HTTP_NOTFOUND, "there is only /metrics");
      return;
    }
    const SharedPage page = [&] {
      const std::scoped_lock lock(mutex_);
      return page_;
    }();
    const std::unique_ptr<evbuffer, Freer<evbuffer_free>> body(evbuffer_new());
    if (!body || !page) {
      evhttp_send_error(request, HTTP_SERVUNAVAIL, nullptr);
      return;
    }
    const bool open_metrics = wants_open_metrics(request);
    set_header(request, "Content-Type", open_metrics ? kOpenMetricsType : kPrometheusType);
    add_page(body.get(), page, open_metrics ? page->open_metrics : page->prometheus);
    evhttp_send_reply(request, HTTP_OK, nullptr, body.get());
  }

  Fd socket_;
  Fd stop_;
  ListenAddress address_;
  std::mutex mutex_;
  SharedPage page_;  // mutex_
  // Of the thread, once it runs.
  EventBase base_;
  std::list<SharedConnection> connections_;  // oldest first
  std::unique_ptr<evhttp, Freer<evhttp_free>> http_;
  Event stopping_;
  std::thread thread_;
};

Result<MetricsServer> MetricsServer::bind(const ListenAddress& address) {
  auto impl = std::make_unique<Impl>();
  if (auto bound = impl->bind(address); !bound) return std::unexpected(bound.error());
  return MetricsServer(std::move(impl));
}

MetricsServer::MetricsServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
MetricsServer::MetricsServer(MetricsServer&& other) noexcept = default;
MetricsServer& MetricsServer::operator=(MetricsServer&& other) noexcept = default;
MetricsServer::~MetricsServer() = default;

void MetricsServer::publish(Page page) {
  impl_->publish(std::move(page));
}

Result<void> MetricsServer::start() {
  return impl_->start();
}

std::string MetricsServer::address() const {
  return impl_->address();
}

}  // namespace cw
