// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {UUPSUpgradeable} from "@openzeppelin/contracts/proxy/utils/UUPSUpgradeable.sol";

/// What wallets and tools put behind an ERC1967Proxy: holds a number, and its owner may upgrade it.
contract BoxV1 is UUPSUpgradeable {
    address public owner;
    uint256 public value;

    event ValueStored(address indexed by, uint256 value);

    error NotOwner(address caller);

    function initialize(uint256 first) external {
        require(owner == address(0), "initialized");
        // The proxy's constructor is who calls.
        owner = tx.origin;
        value = first;
    }

    function store(uint256 next) external {
        value = next;
        emit ValueStored(msg.sender, next);
    }

    function _authorizeUpgrade(address) internal view override {
        if (msg.sender != owner) revert NotOwner(msg.sender);
    }
}

contract BoxV2 is BoxV1 {
    function increment() external {
        value += 1;
        emit ValueStored(msg.sender, value);
    }
}
