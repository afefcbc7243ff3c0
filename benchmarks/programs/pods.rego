package pods

import rego.v1

containers contains container if {
	some list in ["containers", "initContainers"]
	some container in object.get(input.spec.template.spec, list, [])
}

deny contains "privileged" if {
	some container in containers
	container.securityContext.privileged
}

deny contains "escalation" if {
	some container in containers
	object.get(container, ["securityContext", "allowPrivilegeEscalation"], true) != false
}

deny contains "root" if {
	some container in containers
	pod := object.get(input.spec.template.spec, ["securityContext", "runAsNonRoot"], false)
	object.get(container, ["securityContext", "runAsNonRoot"], pod) != true
}

deny contains "tag" if {
	some container in containers
	not contains(container.image, "@sha256:")
}

deny contains "host network" if input.spec.template.spec.hostNetwork
