package event

// The headers that tell a message of the server's or of Firstlight's own from an event.
const (
	markerHeader   = "Nats-Marker-Reason" // a delete marker, stored where messages of a subject have gone
	scheduleHeader = "Nats-Schedule"      // a schedule; what it produces later is an event

	// ControlHeader marks what Firstlight itself puts among the events, such as what forget leaves behind.
	ControlHeader = "Firstlight-Control"
)
