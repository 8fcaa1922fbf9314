#include "controlplane/rules/content_key.h"

#include <openssl/evp.h>

#include <new>

namespace picket::rules {

struct ContentHasher::State {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    State() = default;
    ~State() { EVP_MD_CTX_free(context); }
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    void update(const void* bytes, std::size_t size) {
        if (EVP_DigestUpdate(context, bytes, size) != 1) throw std::bad_alloc();
    }
};

ContentHasher::ContentHasher() : state_(std::make_unique<State>()) {
    // It fails for want of memory alone.
    if (state_->context == nullptr || EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr) != 1) {
        throw std::bad_alloc();
    }
}

ContentHasher::~ContentHasher() = default;

void ContentHasher::add(std::span<const std::byte> part) {
    add(std::uint64_t{part.size()});
    state_->update(part.data(), part.size());
}

void ContentHasher::add(std::string_view part) {
    add(std::as_bytes(std::span(part)));
}

void ContentHasher::add(std::uint64_t number) {
    state_->update(&number, sizeof number);
}

ContentKey ContentHasher::finish() {
    ContentKey key;
    if (EVP_DigestFinal_ex(state_->context, reinterpret_cast<unsigned char*>(key.bytes.data()), nullptr) !=
        1) {
        throw std::bad_alloc();
    }
    return key;
}

std::string hex_of(const ContentKey& key) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (const std::byte byte : key.bytes) {
        text += digits[std::to_integer<unsigned>(byte) >> 4];
        text += digits[std::to_integer<unsigned>(byte) & 15];
    }
    return text;
}

}  // namespace picket::rules
