// Threads that share numbered tasks and can be stopped in the middle.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace backstay {

struct Interrupted {};

// Set by whoever wants the work to end; the work looks at it at least every few milliseconds.
using StopFlag = std::atomic<bool>;

// Calls `work(thread, task)` for every task below `tasks`, each once, on `threads` threads, in no fixed order: the
// result must not depend on it. Meanwhile the calling thread asks `interrupted` every 50 ms; if it says yes, or work
// throws, the rest is dropped. Throws `Interrupted` or what the work threw.
inline void share(std::size_t threads, std::size_t tasks, StopFlag& stop, const std::function<bool()>& interrupted,
                  const std::function<void(std::size_t, std::size_t)>& work) {
    std::atomic<std::size_t> next{0};
    std::size_t running = threads;
    bool asked_to_stop = false;
    std::exception_ptr failure;
    std::mutex mutex;
    std::condition_variable finished;
    const auto run = [&](std::size_t thread) {
        try {
            for (std::size_t task = next++; task < tasks && !stop; task = next++) work(thread, task);
        } catch (...) {
            const std::lock_guard lock(mutex);
            if (!failure) failure = std::current_exception();
            stop = true;
        }
        const std::lock_guard lock(mutex);
        --running;
        finished.notify_one();
    };
    stop = false;
    std::vector<std::thread> members;
    try {
        for (std::size_t i = 0; i < threads; ++i) members.emplace_back(run, i);
    } catch (...) {  // no more threads to be had: go on with those there are, or fail if there is none
        const std::lock_guard lock(mutex);
        running -= threads - members.size();
        if (members.empty()) throw;
    }
    {
        std::unique_lock lock(mutex);
        while (!finished.wait_for(lock, std::chrono::milliseconds(50), [&] { return running == 0; })) {
            if (asked_to_stop) continue;
            lock.unlock();
            asked_to_stop = interrupted();
            if (asked_to_stop) stop = true;
            lock.lock();
        }
    }
    for (auto& member : members) member.join();
    if (failure) std::rethrow_exception(failure);
    if (asked_to_stop) throw Interrupted{};
}

}  // namespace backstay
