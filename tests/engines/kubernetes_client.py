"""Requests to a Kubernetes API server and its answers, as they go over the wire."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import import_module
from typing import Any
from urllib.parse import urlencode


class KubernetesClient:
    """Asks the API server that a kubeconfig names.

    Args:
        kubeconfig: The file.
    """

    def __init__(self, kubeconfig: str) -> None:
        config = import_module("kubernetes.config")
        self._client = config.new_client_from_config(config_file=kubeconfig)

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        query: Mapping[str, str] | None = None,
        user: str | None = None,
    ) -> tuple[int, Any]:
        """Return status and body of the answer: JSON as it is, anything else as text.

        Args:
            method: The HTTP method.
            path: The path, without the query.
            body: What is sent as JSON.
            query: The query.
            user: Whom to speak for, in place of the user of the kubeconfig.
        """
        headers = {"Accept": "application/json, */*", "Content-Type": "application/json"}
        self._client.update_params_for_auth(headers, [], ["BearerToken"])
        if user:
            headers["Impersonate-User"] = user
        url = self._client.configuration.host + path + (f"?{urlencode(query)}" if query else "")
        sent = None if body is None else json.dumps(body).encode()
        answer = self._client.rest_client.pool_manager.request(method, url, body=sent, headers=headers)
        text = answer.data.decode()
        is_json = answer.headers.get("Content-Type", "").startswith("application/json")
        return answer.status, json.loads(text) if is_json and text else text

    def need(self, method: str, path: str, body: Any = None, query: Mapping[str, str] | None = None) -> Any:
        """Return the body of an answer that is no error."""
        code, answer = self.ask(method, path, body, query)
        assert code < 400, answer
        return answer

    def find(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """Return what is there, or None."""
        code, answer = self.ask("GET", path, query=query)
        assert code < 400 or code == 404, answer
        return answer if code < 400 else None

    def ensure(self, collection: str, thing: Mapping[str, Any]) -> None:
        """Create something, unless it is there."""
        code, answer = self.ask("POST", collection, thing)
        assert code < 400 or code == 409, answer

    def close(self) -> None:
        self._client.close()
