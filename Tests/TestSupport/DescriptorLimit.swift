import Glibc

/// Lets this process open no more files, until it is restored. For tests in a process of their own.
package struct DescriptorLimit {
    private let before: rlimit

    /// - `count`: descriptors that may be open; those that are stay.
    package init(_ count: Int = 0) {
        var limit = rlimit()
        var status = unsafe getrlimit(Self.resource, &limit)
        before = limit
        limit.rlim_cur = rlim_t(count)
        if status == 0 { status = unsafe setrlimit(Self.resource, &limit) }
        precondition(status == 0, "setrlimit: errno \(errno)")
    }

    package func restore() {
        var limit = before
        let status = unsafe setrlimit(Self.resource, &limit)
        precondition(status == 0, "setrlimit: errno \(errno)")
    }

    private static var resource: __rlimit_resource_t { __rlimit_resource_t(RLIMIT_NOFILE.rawValue) }
}
