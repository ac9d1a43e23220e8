#include "output/symbol.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <utility>

namespace cw {
namespace {

constexpr std::string_view kAnonymous = "(anonymous namespace)";
constexpr std::string_view kOperator = "operator";
// Longest first: the first that fits is the one.
constexpr std::array<std::string_view, 13> kOperators = {
    "<=>", "<<=", ">>=", "->*", "<<", ">>", "<=", ">=", "->", "()", "<", ">", "[]"};

constexpr std::size_t kHash = 19;  // "::h" and 16 digits, at the end of Rust's old names

// What compilers append to a function they split or specialised: "main.cold", "find.part.0".
constexpr std::array<std::string_view, 6> kClones = {".cold",      ".part",     ".isra",
                                                     ".constprop", ".lto_priv", ".llvm"};

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

// Position after the bracket that closes the one at `at`; npos when none does.
std::size_t after_closing(std::string_view text, std::size_t at) {
  const char open = text[at];
  const char close = open == '<' ? '>' : open == '(' ? ')' : '}';
  std::size_t depth = 0;
  for (std::size_t i = at; i < text.size(); ++i) {
    if (text[i] == open) ++depth;
    const bool arrow = text[i] == '>' && i > 0 && text[i - 1] == '-';
    if (text[i] == close && !arrow && --depth == 0) return i + 1;
  }
  return std::string_view::npos;
}

std::string_view without_rust_hash(std::string_view symbol) {
  if (symbol.size() <= kHash) return symbol;
  const std::string_view end = symbol.substr(symbol.size() - kHash);
  if (!end.starts_with("::h")) return symbol;
  for (const char c : end.substr(3))
    if (std::isxdigit(static_cast<unsigned char>(c)) == 0) return symbol;
  return symbol.substr(0, symbol.size() - kHash);
}

// Also those that are not the last: "find.isra.0.cold".
std::string_view without_clones(std::string_view symbol) {
  std::size_t end = std::string_view::npos;
  for (const std::string_view clone : kClones) {
    const auto at = symbol.find(clone, 1);
    if (at == std::string_view::npos) continue;
    const std::size_t behind = at + clone.size();
    if (behind == symbol.size() || symbol[behind] == '.') end = std::min(end, at);
  }
  return symbol.substr(0, end);
}

// Walks a demangled name once and copies what tells.
class Shortener {
 public:
  explicit Shortener(std::string_view symbol) : rest_(symbol) {}

  std::string run() {
    while (at_ < rest_.size() && step()) {
    }
    return std::move(out_);
  }

 private:
  bool step() {
    if (copy_operator()) return true;
    const char c = rest_[at_];
    if (c == '<') return template_arguments();
    if (c == '(') return parentheses();
    if (c == '{') return verbatim(after_closing(rest_, at_));
    if (c == ' ') return space();
    out_ += c;
    ++at_;
    return true;
  }

  bool copy_operator() {
    const bool begins =
        rest_.substr(at_).starts_with(kOperator) && (at_ == 0 || !is_word(rest_[at_ - 1]));
    if (!begins) return false;
    std::size_t end = at_ + kOperator.size();
    if (end < rest_.size() && is_word(rest_[end])) return false;
    for (const std::string_view sign : kOperators)
      if (rest_.substr(end).starts_with(sign)) {
        verbatim(end + sign.size());
        if (rest_.substr(at_).starts_with(" <")) ++at_;  // "operator< <int>"
        return true;
      }
    // "operator new", "operator bool": the space belongs to the name.
    if (end < rest_.size() && rest_[end] == ' ') ++end;
    return verbatim(end);
  }

  bool template_arguments() {
    const std::size_t end = after_closing(rest_, at_);
    if (end == std::string_view::npos) return verbatim(end);
    const std::string_view inside = rest_.substr(at_ + 1, end - at_ - 2);
    // Rust's "<Vec<T> as Trait>::method" begins with one, and it is the name; "num::<impl Hex for
    // u8>::fmt" names by one, too. "run::<u64>" is just "run".
    if (out_.empty() || inside.starts_with("impl ")) {
      out_ += '<' + without_arguments(inside) + '>';
    } else if (out_.ends_with("::")) {
      out_.resize(out_.size() - 2);
    } else {
      out_ += "<>";
    }
    at_ = end;
    return true;
  }

  // "Vec<(A, B)> as Iterator" is "Vec<> as Iterator".
  static std::string without_arguments(std::string_view types) {
    std::string out;
    for (std::size_t at = 0; at < types.size();) {
      const std::size_t end = types[at] == '<' ? after_closing(types, at) : 0;
      if (types[at] == '<' && end == std::string_view::npos) return out.append(types.substr(at));
      out += types[at] == '<' ? "<>" : std::string(1, types[at]);
      at = types[at] == '<' ? end : at + 1;
    }
    return out;
  }

  bool parentheses() {
    const std::size_t end = after_closing(rest_, at_);
    const bool is_name = rest_.substr(at_).starts_with(kAnonymous) ||
                         rest_.substr(at_).starts_with("(*");  // Go's "main.(*Server).serve"
    if (is_name || out_.empty() || end == std::string_view::npos) return verbatim(end);
    // Parameters. Of a function something is nested in: go on behind them.
    if (rest_.substr(end).find("::") == std::string_view::npos) return false;
    out_ += "()";
    at_ = end;
    return true;
  }

  // A space outside brackets ends a return type, or what follows is " const" and the like.
  bool space() {
    const std::string_view next = rest_.substr(at_ + 1);
    if (next.starts_with("const") || next.starts_with("[clone") || next.starts_with("&")) {
      const bool nested = next.find("::") != std::string_view::npos;
      if (!nested) return false;
      at_ += 1 + (next.starts_with("const") ? 5 : 1);
      return true;
    }
    out_.clear();
    ++at_;
    return true;
  }

  bool verbatim(std::size_t end) {
    end = end == std::string_view::npos ? rest_.size() : end;
    out_ += rest_.substr(at_, end - at_);
    at_ = end;
    return true;
  }

  std::string_view rest_;
  std::size_t at_ = 0;
  std::string out_;
};

}  // namespace

std::string short_symbol(std::string_view symbol) {
  std::string shorter = Shortener(without_rust_hash(without_clones(symbol))).run();
  if (shorter.empty() || shorter.size() > symbol.size()) return std::string(symbol);
  return shorter;
}

std::string source_line(const Frame& frame) {
  if (!frame.file) return {};
  const std::string name = frame.file->substr(frame.file->rfind('/') + 1);
  return frame.line ? fmt::format("{}:{}", name, *frame.line) : name;
}

}  // namespace cw
