import Glibc

/// Who runs this process.
enum Account {
    static var name: String {
        guard let entry = unsafe getpwuid(geteuid()) else { return "\(geteuid())" }
        return unsafe String(cString: entry.pointee.pw_name)
    }

    /// The groups of this process.
    static var groups: Set<String> {
        var ids = [gid_t](repeating: 0, count: 1024)
        let count = unsafe getgroups(Int32(ids.count), &ids)
        return Set((ids.prefix(Int(max(0, count))) + [getegid()]).compactMap(groupName))
    }

    /// The groups that list the user: those that a new login has.
    static var groupsOnFile: Set<String> {
        let name = name
        let lines = Files.text("/etc/group")?.split(separator: "\n") ?? []
        return groups.union(
            lines.compactMap { line in
                let fields = line.split(separator: ":", omittingEmptySubsequences: false)
                guard fields.count == 4, fields[3].split(separator: ",").contains(Substring(name)) else { return nil }
                return String(fields[0])
            })
    }

    /// The group of a file.
    static func group(of path: String) -> String? {
        var status = stat()
        return unsafe stat(path, &status) == 0 ? groupName(status.st_gid) : nil
    }

    private static func groupName(_ id: gid_t) -> String? {
        guard let entry = unsafe getgrgid(id) else { return nil }
        return unsafe String(cString: entry.pointee.gr_name)
    }
}
