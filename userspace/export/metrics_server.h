// Serves /metrics over HTTP. What clients do costs little, whatever they do: one thread, at most 64
// connections (the oldest gives way), 8 KB of request header, 5 s of silence, one answer each.
#pragma once

#include <memory>
#include <string>

#include "export/listen_address.h"
#include "model/error.h"

namespace cw {

class MetricsServer {
 public:
  // Of one moment, in both formats.
  struct Page {
    std::string prometheus;
    std::string open_metrics;
  };

  // Takes the port; answers only once start() is called. Errors: kFailed (port taken...).
  static Result<MetricsServer> bind(const ListenAddress& address);
  MetricsServer(MetricsServer&& other) noexcept;
  MetricsServer& operator=(MetricsServer&& other) noexcept;
  ~MetricsServer();

  void publish(Page page);
  // Begins to answer, in a thread of its own.
  Result<void> start();
  [[nodiscard]] std::string address() const;  // with the port that was given for port 0

 private:
  class Impl;
  explicit MetricsServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace cw
