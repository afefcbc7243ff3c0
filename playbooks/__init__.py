"""What sets a host up: the provider `onshore-ansible`, which runs Ansible playbooks on hosts of the register."""
