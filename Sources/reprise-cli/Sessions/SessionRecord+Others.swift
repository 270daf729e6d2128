import Reprise

/// What a session of `join` tells beyond the mirror's: the others in the call, and the way to them.
extension SessionRecord {
    func remote(_ others: [Participant]) -> [JSON.Member] {
        [
            .init(key: "firstRtpMs", value: JSON(statistics.firstRTP)),
            .init(key: "firstSoundMs", value: JSON(statistics.firstSound)),
            .init(key: "firstPictureMs", value: JSON(statistics.firstPicture)),
            .init(key: "reconnections", value: JSON(statistics.reconnections)),
            .init(
                key: "slowLinks",
                value: [
                    "up": JSON(statistics.slowLinks.up), "down": JSON(statistics.slowLinks.down),
                    "lost": JSON(statistics.slowLinks.lostPackets),
                ]),
            .init(key: "end", value: end.map(JSON.init) ?? .null),
            .init(key: "transport", value: transport),
            .init(key: "participants", value: .array(others.map(participant))),
        ]
    }

    private var transport: JSON {
        guard let transport = statistics.transport else { return .null }
        return [
            "candidatePair": transport.candidatePair.map(pair) ?? .null,
            "describedMs": JSON(statistics.opening?.described), "checkedMs": JSON(statistics.opening?.checked),
            "connectedMs": JSON(statistics.opening?.connected), "roundTripMs": JSON(transport.roundTrip),
            "availableUplink": JSON(transport.availableUplink),
            "sent": .object(
                TrackKind.allCases.compactMap { kind in
                    transport.sent[kind].map { .init(key: kind.rawValue, value: sent($0)) }
                }),
        ]
    }

    private func pair(_ pair: TransportStatistics.CandidatePair) -> JSON {
        func end(_ candidate: TransportStatistics.Candidate) -> JSON {
            ["kind": JSON(candidate.kind.rawValue), "address": JSON(candidate.address)]
        }
        return ["local": end(pair.local), "remote": end(pair.remote), "protocol": JSON(pair.networkProtocol)]
    }

    private func sent(_ sent: TransportStatistics.Sent) -> JSON {
        [
            "packets": JSON(sent.packets), "bytes": JSON(sent.bytes), "retransmitted": JSON(sent.retransmitted),
            "lossFraction": JSON(sent.lossFraction), "jitterMs": JSON(sent.jitter),
            "keyframeRequests": JSON(sent.keyframeRequests),
        ]
    }

    private func participant(_ participant: Participant) -> JSON {
        .object(
            [
                .init(key: "sessionID", value: JSON(participant.sessionID.rawValue)),
                .init(key: "user", value: JSON(participant.user.id)),
                .init(key: "name", value: JSON(participant.user.name)),
            ]
                + TrackKind.allCases.map { kind in
                    .init(key: kind.rawValue, value: track(TrackID(sessionID: participant.sessionID, kind: kind)))
                })
    }

    private func track(_ id: TrackID) -> JSON {
        guard let received = statistics.received[id] else { return .null }
        let own: [JSON.Member] =
            id.kind == .audio
            ? [
                .init(key: "concealed", value: JSON(received.concealed)),
                .init(key: "levelDBov", value: JSON(received.levelDBov)),
            ] : [.init(key: "framesDecoded", value: JSON(received.framesDecoded))]
        return .object(
            [
                .init(key: "packets", value: JSON(received.packets)), .init(key: "lost", value: JSON(received.lost)),
                .init(key: "jitterMs", value: JSON(received.jitter)),
                .init(key: "firstRtpMs", value: JSON(received.firstPacket)),
                .init(key: "firstMs", value: JSON(received.first)),
            ] + own)
    }
}

extension JSON {
    init(_ error: CallError) {
        self = [
            "code": JSON(error.code.description), "service": JSON(error.service?.description),
            "reason": JSON(error.reason), "advice": JSON(error.advice),
        ]
    }
}
