package collect

// What SDKs in browsers ask before they send anything, and the answers: their events come here, and everything else that they could
// do (recordings, flags, surveys, other destinations, telemetry about themselves) is off.

import (
	"encoding/json"
	"net/http"
	"strings"

	"firstlight/pipeline/doors"
)

// object is a JSON object to be written.
type object = map[string]any

// segmentSettings is what Segment's browser SDK asks its cdnURL for. It names this server as the one to send to.
func segmentSettings(key, host, protocol string) object {
	all := object{"__default": object{"enabled": true, "integrations": object{}}}
	return object{
		"integrations": object{"Segment.io": object{
			"apiKey": key, "apiHost": host + "/v1", "protocol": protocol, "addBundledMetadata": false, "unbundledIntegrations": []string{}, "maybeBundledConfigIds": object{},
			"versionSettings": object{"version": "4.4.7", "componentTypes": []string{"browser"}},
		}},
		"plan":         object{"track": all, "identify": all, "group": all},
		"edgeFunction": object{}, "analyticsNextEnabled": true, "middlewareSettings": object{}, "enabledMiddleware": object{}, "remotePlugins": []any{},
		"metrics": object{"sampleRate": 0}, "legacyVideoPluginsEnabled": false,
	}
}

// rudderConfig is what RudderStack's browser SDK asks its configUrl for.
func rudderConfig(key, source string) object {
	off := object{"enabled": false}
	return object{
		"source": object{
			"id": source, "name": source, "writeKey": key, "enabled": true, "workspaceId": "firstlight", "destinations": []any{}, "connections": []any{},
			"config": object{"statsCollection": object{"errors": off, "metrics": off}},
		},
		"updatedAt": "2026-01-01T00:00:00.000Z",
	}
}

// posthogConfig is what PostHog's browser SDK asks /array/<key>/config for, and with flags what /flags and /decide are asked for. Of
// surveys it says nothing: the SDK loads their script for a false too.
func posthogConfig(key string) object {
	return object{
		"token": key, "hasFeatureFlags": false, "supportedCompression": []string{"gzip-js", "base64"}, "analytics": object{"endpoint": "/e/"},
		"autocapture_opt_out": true, "autocaptureExceptions": false, "captureDeadClicks": false, "capturePerformance": false, "heatmaps": false,
		"sessionRecording": false, "surveys": nil, "productTours": false, "conversations": false, "logs": object{"captureConsoleLogs": false}, "errorTracking": object{"autocaptureExceptions": false},
		"siteApps": []any{}, "toolbarParams": object{}, "isAuthenticated": false, "elementsChainAsString": true, "defaultIdentifiedOnly": true,
		"config": object{"enable_collect_everything": false},
		"flags":  object{}, "featureFlags": object{}, "featureFlagPayloads": object{}, "errorsWhileComputingFlags": false,
	}
}

// hello answers what an SDK asks before it sends anything.
func (c *Collector) hello(w http.ResponseWriter, r *http.Request, form, key string, k *Key) {
	var answer object
	switch form {
	case formSegmentSettings:
		protocol := "http"
		if origin := r.Header.Get("Origin"); secure(r, c.config.Proxies) || strings.HasPrefix(origin, "https://") && !doors.Loopback(r.Host) {
			protocol = "https" // a page over HTTPS may not send to anything else
		}
		answer = segmentSettings(key, r.Host, protocol)
	case formRudderConfig:
		answer = rudderConfig(key, k.Source)
	case formPostHogScript:
		w.Header().Set("Content-Type", "application/javascript; charset=utf-8")
		text, err := json.Marshal(object{key: object{"config": posthogConfig(key), "siteApps": []any{}}})
		if err != nil {
			panic("BUG: a configuration that is no JSON: " + err.Error())
		}
		write(w, http.StatusOK, []byte("window._POSTHOG_REMOTE_CONFIG = "+string(text)+";\n"))
		return
	default:
		answer = posthogConfig(key)
	}
	writeJSON(w, http.StatusOK, answer)
}
